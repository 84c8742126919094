/*
 * Running a function of ours in a process at its next CHECK_FOR_INTERRUPTS(), also while
 * it waits for a lock, or for the next command of its client; see interrupt.c.
 */
#ifndef MTM_INTERRUPT_H
#define MTM_INTERRUPT_H

#include "storage/backendid.h"

/*
 * What runs there; it may raise an error unless the process reads from its client.
 * False: it has nothing to do, so somebody else asked.
 */
typedef bool (*MtmInterruptHandler) (void);

/* At the server's start: what runs in a process that says nothing else. */
extern void MtmInterruptInstallHooks(MtmInterruptHandler handler);
/* What runs in this process. */
extern void MtmInterruptSetHandler(MtmInterruptHandler handler);

/* Ask for it: another process; this one, from its signal handlers, too (its latch is to be
 * set by them). */
extern void MtmInterruptProcess(int pid, BackendId backend_id);
extern void MtmInterruptSelf(void);

#endif
