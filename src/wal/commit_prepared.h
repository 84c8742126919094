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

/*
 * As FinishPreparedTransaction(gid, true), with its errors, for a superuser. The commit
 * record ends at the position returned, which the caller sees to that it is flushed soon:
 * until then this server may be found with the transaction prepared after a crash.
 */
extern XLogRecPtr MtmCommitPrepared(const char *gid);

#endif
