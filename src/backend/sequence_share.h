/*
 * Shares: which values of every sequence a node gives. A value is start + k * increment;
 * the node gives those with k mod modulus = remainder. No two nodes' shares meet
 * (docs/membership.md, part 6).
 *
 * Runs in: backends, apply workers, the recovery process.
 */
#ifndef MTM_BACKEND_SEQUENCE_SHARE_H
#define MTM_BACKEND_SEQUENCE_SHARE_H

#include "postgres.h"

#include "storage/lockdefs.h"

typedef struct MtmSequenceShare
{
	int			node_id;		/* whose */
	int			remainder;
	int			modulus;		/* a power of two */
} MtmSequenceShare;

/* The modulus of all shares before one is split. */
extern int	MtmSequenceFounderModulus(void);

/*
 * The share that this server's sequences have now, by mtm.sequence_share, which is locked
 * until the commit. False: there is none yet, as the extension is just being created or
 * was dropped. Who creates a sequence takes RowExclusiveLock, who changes the share of all
 * that exist ShareRowExclusiveLock: else the one would miss what the other does.
 */
extern bool MtmSequenceShareRead(LOCKMODE lock, MtmSequenceShare *share);
extern void MtmSequenceShareWrite(const MtmSequenceShare *share);

/*
 * The share that the list of nodes gives to this node, which is a copy of node `source`.
 * ereport(ERROR) when it has none, or cannot take it as the copy of that node.
 */
extern void MtmSequenceShareOfCopy(int source, MtmSequenceShare *share);

#endif
