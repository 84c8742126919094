/*
 * COMMIT PREPARED that does not wait for the disk.
 *
 * Runs in: whoever learns that a transaction is committed everywhere: the backend that
 * coordinates it, the lanes of its peers.
 * Locks: TwoPhaseStateLock, as PostgreSQL's own.
 */
#ifndef MTM_COMMIT_PREPARED_H
#define MTM_COMMIT_PREPARED_H

#include "access/xlogdefs.h"
#include "shmem/shared.h"

/*
 * As FinishPreparedTransaction(gid, true), with its errors, for a superuser. The commit
 * record ends at the position returned, which the caller sees to that it is flushed soon:
 * until then this server may be found with the transaction prepared after a crash.
 */
extern XLogRecPtr MtmCommitPrepared(const char *gid);

/* The name under which it is prepared here; false: it is not, as far as can be seen. */
extern bool MtmPreparedGid(TransactionId xid, char gid[MTM_GID_SIZE]);

#endif
