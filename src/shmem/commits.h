/*
 * Commits: the transactions that backends of this node now coordinate, and the
 * votes that came in for them.
 *
 * Runs in: the committing backend owns its slot; the link receivers put votes
 *          in; the monitor hands over and tells outcomes.
 * Locks: MtmCommit.mutex (spinlock) guards a slot; never held over a call.
 *        A slot belongs to one backend (its pgprocno) and is only looked up by
 *        xid, so no table lock is needed.
 */
#ifndef MTM_COMMITS_H
#define MTM_COMMITS_H

#include "shmem/shared.h"
#include "storage/latch.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

typedef enum MtmOutcome
{
	MTM_OUTCOME_UNKNOWN,
	MTM_OUTCOME_COMMIT,
	MTM_OUTCOME_ABORT
} MtmOutcome;

/* Why a node could not prepare: what its vote says. */
typedef struct MtmRefusal
{
	int			node_id;		/* 0: none */
	int			sqlstate;		/* as MAKE_SQLSTATE packs it */
	char		message[256];
	char		detail[768];
	char		hint[256];
} MtmRefusal;

typedef struct MtmCommit
{
	slock_t		mutex;
	bool		used;
	bool		aborting;		/* asks the members to roll back (cancel) */
	bool		wounded;		/* a node asks for its abort: an older one waits for it */
	bool		handed_over;	/* the generation moved on: only wait for outcome */
	TransactionId xid;			/* invalid while only an outcome is awaited */
	uint64		generation;
	MtmNodeSet	members;
	MtmNodeSet	yes;
	MtmNodeSet	never;			/* voted no, or rolled back at our request */
	MtmOutcome	outcome;		/* told by the resolver */
	MtmRefusal	refusal;		/* the first no, or why it was wounded */
	TimestampTz since;
	Latch	   *latch;
	int			pid;
	char		gid[MTM_GID_SIZE];
} MtmCommit;

extern Size MtmCommitsSize(void);
extern void MtmCommitsInit(void *at, bool found);

/* The committing backend. Begin resets the slot and makes it findable. */
extern MtmCommit *MtmCommitBegin(const char *gid, TransactionId xid,
								 uint64 generation, MtmNodeSet members);
extern void MtmCommitEnd(void);
extern MtmCommit MtmCommitLook(void);	/* a consistent copy of my own slot */
extern void MtmCommitSetAborting(void);

/* Link receivers: false when nobody waits for it (late or repeated). */
extern bool MtmCommitVoteYes(TransactionId xid, uint64 generation, int node_id);
extern bool MtmCommitVoteNo(TransactionId xid, uint64 generation,
							const MtmRefusal *refusal);
extern bool MtmCommitUndone(TransactionId xid, uint64 generation, int node_id);
/* Link receivers and apply workers: ask for its abort; nothing happens where it is decided. */
extern void MtmCommitWound(TransactionId xid, uint64 generation, const MtmRefusal *refusal);

/* Monitor: every slot of a generation other than this one waits for the resolver. */
extern void MtmCommitHandOver(uint64 generation);
extern void MtmCommitTellOutcome(const char *gid, MtmOutcome outcome);

/* For views: copy slot i (0 .. MtmCommitSlots() - 1); false when unused. */
extern int	MtmCommitSlots(void);
extern bool MtmCommitCopy(int i, MtmCommit *copy);

#endif
