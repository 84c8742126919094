/*
 * A few steps with the rights of the server's first superuser; see superuser.h.
 *
 * Runs in: backends, apply workers.
 * Path: whoever does what the client's role need not have the right to -> here
 * Locks: none.
 */
#include "postgres.h"

#include "catalog/pg_authid_d.h"
#include "miscadmin.h"
#include "superuser.h"

MtmSavedUser
MtmBecomeSuperuser(void)
{
	MtmSavedUser saved;

	GetUserIdAndSecContext(&saved.user, &saved.context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   saved.context | SECURITY_LOCAL_USERID_CHANGE);
	return saved;
}

void
MtmBecomeUser(MtmSavedUser saved)
{
	SetUserIdAndSecContext(saved.user, saved.context);
}
