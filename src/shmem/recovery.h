/*
 * Recovery: how far this node's is, and where its own marks are (docs/majority.md).
 *
 * Runs in: the recovery process writes its state, the monitor its marks; all read.
 * Locks: MtmRecovery.mutex (spinlock).
 */
#ifndef MTM_SHMEM_RECOVERY_H
#define MTM_SHMEM_RECOVERY_H

#include "access/xlogdefs.h"
#include "shmem/shared.h"
#include "utils/timestamp.h"

typedef struct MtmRecoveryState
{
	int			donor;			/* 0: no recovery runs */
	int			pid;
	TimestampTz started;
	XLogRecPtr	first_lsn;		/* in the donor's WAL: where it began */
	XLogRecPtr	applied_lsn;	/* all before is applied here */
	XLogRecPtr	donor_lsn;		/* the end of the donor's WAL, as last heard */
	uint64		transactions;	/* applied by it */
	/* All before the donor's mark of this generation is applied here; 0: none yet. */
	uint64		passed;
} MtmRecoveryState;

extern Size MtmRecoverySize(void);
extern void MtmRecoveryInit(void *at, bool found);

extern MtmRecoveryState MtmRecoveryGet(void);
/* The recovery process. It is forgotten when the process ends. */
extern void MtmRecoveryBegin(int donor, XLogRecPtr first_lsn);
extern void MtmRecoveryAdvance(XLogRecPtr applied_lsn, XLogRecPtr donor_lsn,
							   uint64 transactions);
extern void MtmRecoveryPassed(uint64 generation);

/* The end of the newest mark in this node's WAL; invalid when it is of another generation. */
extern void MtmMarkSet(uint64 generation, XLogRecPtr end_lsn);
extern XLogRecPtr MtmMarkOf(uint64 generation);

#endif
