/* What a transaction of another node holds, run here; see records.c. */
#ifndef MTM_RECORDS_H
#define MTM_RECORDS_H

#include "lib/stringinfo.h"
#include "shmem/transactions.h"

typedef struct MtmApplied
{
	StringInfoData notifies;	/* channel, payload, ...: to send after the commit */
	bool		decided;		/* in: it is committed elsewhere already */
	Oid			owner;			/* whose a user's prepared transaction is, else invalid */
} MtmApplied;

/* Runs the body of `tx` in the current transaction. */
extern void MtmApplyRecords(const MtmTransaction *tx, MtmApplied *applied);
/* The user's, for other nodes that read this one's WAL (docs/majority.md, 3). */
extern void MtmApplyLogOwner(const MtmApplied *applied);

#endif
