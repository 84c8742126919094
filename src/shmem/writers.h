/*
 * Writers: which backends of this node run a transaction that writes replicated data and
 * is not prepared yet, and which of them must fail.
 *
 * Runs in: the backend owns its slot; apply workers look, and tell it to fail.
 * Locks: MtmWriter.mutex (spinlock) around copies.
 *
 * A slot speaks of one transaction, by the backend's process and local transaction
 * number, so nothing needs to be taken back when that ends.
 */
#ifndef MTM_WRITERS_H
#define MTM_WRITERS_H

#include "shmem/commits.h"

typedef struct MtmWriter
{
	slock_t		mutex;
	int			pid;
	LocalTransactionId lxid;
	bool		schema;			/* it changes the schema */
	TimestampTz start;
	LocalTransactionId wounded; /* must fail, by `refusal`; invalid: none */
	int64		wounded_ms;		/* MtmNowMs() when it was told so last; 0: never */
	MtmRefusal	refusal;
} MtmWriter;

extern Size MtmWritersSize(void);
extern void MtmWritersInit(void *at, bool found);

/* The backend: it is about to write. */
extern void MtmWriterNote(bool schema);
/*
 * The backend: must a transaction of it fail? `still_runs`: it is the present one, and
 * why is in `refusal`. Told until MtmWriterHealed.
 */
extern bool MtmWriterWounded(bool *still_runs, MtmRefusal *refusal);
extern void MtmWriterHealed(void);
/* The backend: it was told so lately, and the signal may come only now. */
extern bool MtmWriterWoundedLately(void);

/* Apply workers. False: that transaction of that process writes nothing replicated. */
extern bool MtmWriterLook(int pid, LocalTransactionId lxid, bool *schema, TimestampTz *start);
/* False: that transaction is over. */
extern bool MtmWriterWound(int pid, LocalTransactionId lxid, const MtmRefusal *refusal);

#endif
