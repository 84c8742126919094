/* The recovery process; see recovery.c. */
#ifndef MTM_RECOVERY_H
#define MTM_RECOVERY_H

/* Called by the place that monitor/workers.c started (shmem/processes.h). */
extern void MtmRecoveryMain(void);

#endif
