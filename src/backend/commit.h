/*
 * The commit of a transaction that wrote replicated data: on every node or on
 * none (PROTOCOL.md). Called for every way a transaction can commit.
 */
#ifndef MTM_COMMIT_H
#define MTM_COMMIT_H

#include "postgres.h"

extern void MtmCommitInstallHooks(void);

/* COMMIT of a transaction block. False: it is not ours, commit it as usual. */
extern bool MtmCommitBlock(bool chain);
/* PREPARE TRANSACTION 'gid' by a user. False: not ours. */
extern bool MtmPrepareByUser(const char *gid);
/* COMMIT / ROLLBACK PREPARED 'gid' by a user. */
extern void MtmFinishByUser(const char *gid, bool commit);

#endif
