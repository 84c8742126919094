/*
 * Deadlocks: which waits for a lock must fail because they are in a circle over nodes, and
 * with what words.
 *
 * Runs in: the deadlock detector tells; whoever waits reads its own slot.
 * Locks: MtmDeadlock.mutex (spinlock) around copies.
 *
 * A slot speaks of one wait, by the process and the moment at which it began to wait, so
 * nothing needs to be taken back when that ends.
 */
#ifndef MTM_DEADLOCKS_H
#define MTM_DEADLOCKS_H

#include "shmem/shared.h"
#include "storage/backendid.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

/* A little more than DETAIL_SIZE in ts-src/core/deadlock.ts. */
#define MTM_DEADLOCK_DETAIL_SIZE 520

typedef struct MtmDeadlock
{
	slock_t		mutex;
	int			pid;
	TimestampTz wait_start;
	int64		told_ms;		/* MtmNowMs() when it was told so last */
	char		detail[MTM_DEADLOCK_DETAIL_SIZE];
} MtmDeadlock;

extern Size MtmDeadlocksSize(void);
extern void MtmDeadlocksInit(void *at, bool found);

/* False: that process does not wait since then any more. Interrupt it yourself. */
extern bool MtmDeadlockTell(int pid, TimestampTz wait_start, const char *detail,
							BackendId *backend_id);
/* The one that waits: must its present wait fail? */
extern bool MtmDeadlockTold(char detail[MTM_DEADLOCK_DETAIL_SIZE]);
/* It was told so lately, of whatever wait, and the signal may come only now. */
extern bool MtmDeadlockToldLately(void);

/*
 * Of the waits of this server that have lasted for so long, when the last one began; 0:
 * there is none. Cheap, and locks nothing: it may miss one that just began or ended.
 */
extern TimestampTz MtmNewestWait(int lasted_ms);

#endif
