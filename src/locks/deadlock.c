/*
 * The end of a wait that the deadlock detector chose.
 *
 * Runs in: whoever waits for a lock: backends, apply workers.
 * Path: monitor/deadlock_detector.c -> shmem/deadlocks.c -> interrupt.c -> here: ERROR 40P01
 * Locks: none.
 *
 * It fails only in the very wait that was seen, and while that lasts: so it is in the middle
 * of a statement, where an error may be raised, and what it waited for it never got. An
 * apply worker votes no with it, as after any other error.
 */
#include "postgres.h"

#include "locks/deadlock.h"
#include "shmem/deadlocks.h"
#include "storage/proc.h"

#define WAITED_FOR_SIZE 200

bool
MtmDeadlockServe(void (*describe) (char *into, Size size))
{
	char		detail[MTM_DEADLOCK_DETAIL_SIZE];
	char		waited_for[WAITED_FOR_SIZE];

	if (!MtmDeadlockTold(detail))
		return MtmDeadlockToldLately();
	if (describe)
		describe(waited_for, sizeof(waited_for));
	LockErrorCleanup();
	FlushErrorState();			/* of the message that led here */
	ereport(ERROR,
			(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
			 errmsg("deadlock detected"),
			 describe ? errdetail("It waited for %s.\n%s", waited_for, detail) :
			 errdetail("%s", detail),
			 errhint("Retry the transaction.")));
}
