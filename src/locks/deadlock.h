/* The end of a wait that the deadlock detector chose; see deadlock.c. */
#ifndef MTM_LOCKS_DEADLOCK_H
#define MTM_LOCKS_DEADLOCK_H

#include "postgres.h"

/*
 * Where a process of ours serves interrupts (interrupt.h): ERROR 40P01 if its present wait
 * must fail. `describe` says for what it waits, looking nothing up; or NULL. True: the interrupt
 * may have been for this.
 */
extern bool MtmDeadlockServe(void (*describe) (char *into, Size size));

#endif
