/*
 * Transactions of other nodes that are under way here: from the moment the
 * receiver has one whole until its outcome is executed.
 *
 * Runs in: receivers put in and queue; apply workers take, apply, prepare;
 *          lanes and the resolver take out; link processes read votes.
 * Locks: MtmTransactions->lock (LWLock) guards the hash, the queue, the
 *        workers' table and all fields of entries but those marked [owner].
 *        Held only for memory accesses.
 *
 *      HELD --> QUEUED --> APPLYING --> PREPARED --> (gone)
 *                  |           |             \--> ENDED ---> (gone)
 *                  +-----------+--> REFUSED ---> (gone)
 *
 * PREPARED and REFUSED keep the vote until the outcome comes, so that a link
 * that was down can send every vote again. ENDED is a user's own that a ballot ended
 * before the outcome came in its origin's stream.
 */
#ifndef MTM_TRANSACTIONS_H
#define MTM_TRANSACTIONS_H

#include "access/xlogdefs.h"
#include "lib/ilist.h"
#include "shmem/commits.h"
#include "storage/lwlock.h"

typedef enum MtmTransactionState
{
	MTM_TX_HELD,				/* behind a schema change of the same origin */
	MTM_TX_QUEUED,
	MTM_TX_APPLYING,
	MTM_TX_PREPARED,
	MTM_TX_REFUSED,
	MTM_TX_ENDED
} MtmTransactionState;

/* Flags, as the plugin sends them (wire/frame.h). */
#define MTM_TX_SCHEMA_CHANGE	0x01
#define MTM_TX_NOTIFIES			0x02
#define MTM_TX_USER_GID			0x04	/* a user's PREPARE TRANSACTION */
#define MTM_TX_INCOMPLETE		0x08	/* rolled back while it was decoded */
#define MTM_TX_RECOVERED		0x10	/* recovery committed it here as a plain one */

typedef struct MtmTransactionKey
{
	uint32		origin;			/* node_id of the coordinator */
	TransactionId xid;			/* its xid there */
} MtmTransactionKey;

typedef struct MtmTransaction
{
	MtmTransactionKey key;
	MtmTransactionState state;
	char		gid[MTM_GID_SIZE];
	uint64		generation;
	int			flags;
	bool		undo;			/* must not be prepared any more */
	bool		ending;			/* a user's own: a lane is just ending it */
	XLogRecPtr	prepare_end_lsn;	/* in the origin's WAL */
	int			worker_pid;		/* while APPLYING */
	TimestampTz since;
	MtmRefusal	refusal;		/* REFUSED: the vote */
	/* payload [owner: receiver until QUEUED, then the worker] */
	dsa_pointer body;			/* InvalidDsaPointer when spilled */
	uint64		body_size;
	uint32		spill_id;		/* file number when spilled, else 0 */
	/* notifications to send after the commit [owner: worker, then lane] */
	dsa_pointer notifies;
	uint32		notifies_size;
	dlist_node	queue_node;
} MtmTransaction;

extern Size MtmTransactionsSize(void);
/* Of the hash table, which Init allocates by itself. */
extern Size MtmTransactionsTableSize(void);
extern void MtmTransactionsInit(void *at, bool found);

/* Receiver. Copies `*tx` in; false if the key is there already. */
extern bool MtmTransactionPut(const MtmTransaction *tx);

/* Worker. True if somebody asked to undo it meanwhile. */
extern bool MtmTransactionUndoAsked(const MtmTransactionKey *key);
/* End of applying: the state becomes PREPARED, or REFUSED with the refusal given. */
extern void MtmTransactionEndApply(const MtmTransactionKey *key,
								   const MtmRefusal *refusal);
extern void MtmTransactionSetNotifies(const MtmTransactionKey *key,
									  dsa_pointer notifies, uint32 size);

/* Everybody. Find copies the entry; false if there is none. */
extern bool MtmTransactionFind(const MtmTransactionKey *key, MtmTransaction *copy);
/* A user's gid may have been used before: the one that is prepared comes first. */
extern bool MtmTransactionFindGid(const char *gid, MtmTransaction *copy);
/* What an apply worker has in hand; false: nothing, or it is no apply worker. */
extern bool MtmTransactionOfWorker(int pid, MtmTransaction *copy);
/* A prepared one was rolled back here at its coordinator's request. */
extern void MtmTransactionSetRefused(const MtmTransactionKey *key,
									 const MtmRefusal *refusal);
/*
 * A user may give a name again as soon as it is free, so whoever ends a user's
 * transaction by its name claims it first, and ENDED says that it is claimed:
 *  1. A lane that claimed it has `ending` set until it forgets the entry. A ballot
 *     finds it busy, so its round is not over, and nobody is told that the name is free.
 *  2. What a ballot claimed is not meant any more for a lane that comes later.
 * A lane that died may claim again. ForBallot copies what it claimed; a gid that is
 * unknown here (it was coordinated here, or is absent) needs no claim: its key is 0.
 */
extern bool MtmTransactionClaimForLane(const MtmTransactionKey *key);
extern bool MtmTransactionClaimForBallot(const char *gid, MtmTransaction *claimed);
extern void MtmTransactionForget(const MtmTransactionKey *key);
/* Of a node that was dropped; what is being applied stays. */
extern void MtmTransactionsForgetOrigin(uint32 origin);
/* Ask that it is not prepared: a queued one is refused at once, an applying one is
 * cancelled. Then wait until it no longer is being applied. */
extern void MtmTransactionUndo(const MtmTransactionKey *key);
extern void MtmTransactionWaitApplied(const MtmTransactionKey *key);
/* Is a schema change of another node being applied or prepared here? */
extern bool MtmTransactionSchemaChangePending(const MtmTransactionKey *except);

/* Is there one that a ballot ended and whose lane has not passed it yet? */
extern bool MtmTransactionEndedByBallot(void);

/* Copies of all entries (palloc'd); *count of them. */
extern MtmTransaction *MtmTransactionList(int *count);

#endif
