/*
 * The rights with which rows of another node are written; see owner.h.
 *
 * Runs in: apply workers.
 * Path: apply/rows.c -> here
 * Locks: none.
 *
 * Writing a row runs code of whoever owns the table: expressions of indexes, checks of
 * domains, triggers that fire everywhere. A worker is a superuser, so it takes the
 * owner's rights meanwhile, and that code can do no more than its owner could.
 *
 * What is put off to the end of the transaction (deferred constraints) does not tell
 * whose it is. It runs with the rights of the one owner who is no superuser. With
 * several of them it runs without rights: code of one of them cannot use another's,
 * and checks that call no code of users, as nearly all do, need none.
 */
#include "postgres.h"

#include "apply/owner.h"
#include "catalog/pg_authid_d.h"
#include "miscadmin.h"
#include "utils/guc.h"

static Oid	now = InvalidOid;
static Oid	common = InvalidOid;	/* of the transaction so far */
static Oid	worker;
static int	worker_context;
static int	settings_level;

void
MtmOwnersForget(void)
{
	now = InvalidOid;
	common = InvalidOid;
}

static void
note(Oid owner)
{
	if (!OidIsValid(common) || superuser_arg(common))
		common = owner;
	else if (common != owner && !superuser_arg(owner))
		common = ROLE_PG_STAT_SCAN_TABLES;
}

void
MtmOwnerEnter(Oid owner)
{
	Assert(!OidIsValid(now));
	if (owner != common)
		note(owner);
	GetUserIdAndSecContext(&worker, &worker_context);
	settings_level = NewGUCNestLevel();
	SetUserIdAndSecContext(owner, worker_context | SECURITY_LOCAL_USERID_CHANGE);
	now = owner;
}

void
MtmOwnerEnterCommon(void)
{
	if (OidIsValid(common))
		MtmOwnerEnter(common);
}

Oid
MtmOwnerLeave(void)
{
	Oid			left = now;

	if (!OidIsValid(now))
		return InvalidOid;
	AtEOXact_GUC(false, settings_level);
	SetUserIdAndSecContext(worker, worker_context);
	now = InvalidOid;
	return left;
}

Oid
MtmOwnerNow(void)
{
	return now;
}
