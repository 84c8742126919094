/*
 * What this node's WAL says of the cluster's transactions: its memory of those that are
 * over (docs/majority.md, part 2).
 *
 * Runs in: the monitor, sessions of peers, the recovery process.
 * Locks: none.
 */
#ifndef MTM_WAL_HISTORY_H
#define MTM_WAL_HISTORY_H

#include "utils/hsearch.h"
#include "wire/commit_message.h"

typedef struct MtmWalEntry
{
	MtmIdentity identity;		/* hash key */
	bool		committed;		/* users' only if their PREPARE was read, too */
	bool		prepared;		/* a user's */
	bool		ended;			/* a user's, that was prepared: its name may be another's now */
	bool		refused;		/* a user's */
} MtmWalEntry;

/*
 * A hash table of what happened here at or after `from`, whoever coordinated it. Made
 * in the current memory context. Interruptible; reads all WAL from there. ERROR when it is
 * not there any more.
 */
extern HTAB *MtmWalHistory(XLogRecPtr from);
/* All false when it knows nothing of it. */
extern MtmWalEntry MtmWalFind(HTAB *history, const MtmIdentity *identity);

/* This node refused a user's PREPARE. Not flushed: it is in the WAL before what follows. */
extern void MtmWalLogRefused(const MtmIdentity *identity);

/* The confirmed position of the slot that this node keeps for `peer`; invalid: none. */
extern XLogRecPtr MtmSlotConfirmed(int peer);
/* From where it keeps WAL: all that is prepared here, and was not in a copy, was begun behind it. */
extern XLogRecPtr MtmSlotRestart(int peer);

#endif
