/*
 * What this node's WAL says was committed: its memory of the transactions that are
 * over (docs/majority.md, part 2).
 *
 * Runs in: the monitor, sessions of peers, the recovery process.
 * Locks: none.
 */
#ifndef MTM_WAL_COMMITTED_H
#define MTM_WAL_COMMITTED_H

#include "utils/hsearch.h"
#include "wire/commit_message.h"

/*
 * A hash table of MtmIdentity: every transaction of the cluster that was committed here
 * at or after `from`, whoever coordinated it. Of users' gids only those whose PREPARE
 * lies at or after `from`, too. Made in the current memory context. Interruptible; reads all WAL
 * from there. ERROR when it is not there any more.
 */
extern HTAB *MtmWalCommittedSince(XLogRecPtr from);
extern bool MtmWalCommitted(HTAB *committed, const MtmIdentity *identity);

/* The confirmed position of the slot that this node keeps for `peer`; invalid: none. */
extern XLogRecPtr MtmSlotConfirmed(int peer);

#endif
