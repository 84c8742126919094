/*
 * What a schema change of another node waited for, when the client's lock_timeout has run
 * out on it here.
 */
#ifndef MTM_APPLY_LOCK_WAIT_H
#define MTM_APPLY_LOCK_WAIT_H

#include "postgres.h"

/* Around the statement; End after its success, or where nobody asks why it failed. */
extern void MtmLockWaitBegin(int lock_timeout_ms);
extern void MtmLockWaitEnd(void);
/*
 * After an error, when its transaction is rolled back: was it the client's lock_timeout?
 * Then what it waited for, and who has it.
 */
extern bool MtmLockWaitFailed(const ErrorData *error, char *detail, Size size);

#endif
