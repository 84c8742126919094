/*
 * pg_advisory_lock() and its kin, as backend/replaced_calls.c has them called.
 *
 * Runs in: every process that runs queries of users.
 * Path: backend/replaced_calls.c -> here -> backend/advisory_locks.c
 * Locks: those that are asked for.
 */
#include "postgres.h"

#include "backend/advisory_locks.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(mtm_advisory_lock);
PG_FUNCTION_INFO_V1(mtm_advisory_lock_shared);
PG_FUNCTION_INFO_V1(mtm_advisory_xact_lock);
PG_FUNCTION_INFO_V1(mtm_advisory_xact_lock_shared);
PG_FUNCTION_INFO_V1(mtm_try_advisory_lock);
PG_FUNCTION_INFO_V1(mtm_try_advisory_lock_shared);
PG_FUNCTION_INFO_V1(mtm_try_advisory_xact_lock);
PG_FUNCTION_INFO_V1(mtm_try_advisory_xact_lock_shared);
PG_FUNCTION_INFO_V1(mtm_advisory_unlock);
PG_FUNCTION_INFO_V1(mtm_advisory_unlock_shared);
PG_FUNCTION_INFO_V1(mtm_advisory_unlock_all);

/* The right to call PostgreSQL's function may have been taken from somebody. */
static void
check_right(Oid replaced)
{
	AclResult	allowed = pg_proc_aclcheck(replaced, GetUserId(), ACL_EXECUTE);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FUNCTION, get_func_name(replaced));
}

/* As PostgreSQL does: of one bigint, or of two integers. */
static void
make_tag(FunctionCallInfo fcinfo, LOCKTAG *tag)
{
	if (PG_NARGS() == 1)
	{
		int64		key = PG_GETARG_INT64(0);

		SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (key >> 32), (uint32) key, 1);
	}
	else
		SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, PG_GETARG_INT32(0), PG_GETARG_INT32(1), 2);
}

static bool
take(FunctionCallInfo fcinfo, const Oid replaced[2], LOCKMODE mode, bool session, bool wait)
{
	LOCKTAG		tag;

	check_right(replaced[PG_NARGS() - 1]);
	make_tag(fcinfo, &tag);
	return MtmAdvisoryTake(&tag, mode, session, wait);
}

Datum
mtm_advisory_lock(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {F_PG_ADVISORY_LOCK_INT8, F_PG_ADVISORY_LOCK_INT4_INT4};

	(void) take(fcinfo, replaced, ExclusiveLock, true, true);
	PG_RETURN_VOID();
}

Datum
mtm_advisory_lock_shared(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {
		F_PG_ADVISORY_LOCK_SHARED_INT8, F_PG_ADVISORY_LOCK_SHARED_INT4_INT4
	};

	(void) take(fcinfo, replaced, ShareLock, true, true);
	PG_RETURN_VOID();
}

Datum
mtm_advisory_xact_lock(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {
		F_PG_ADVISORY_XACT_LOCK_INT8, F_PG_ADVISORY_XACT_LOCK_INT4_INT4
	};

	(void) take(fcinfo, replaced, ExclusiveLock, false, true);
	PG_RETURN_VOID();
}

Datum
mtm_advisory_xact_lock_shared(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {
		F_PG_ADVISORY_XACT_LOCK_SHARED_INT8, F_PG_ADVISORY_XACT_LOCK_SHARED_INT4_INT4
	};

	(void) take(fcinfo, replaced, ShareLock, false, true);
	PG_RETURN_VOID();
}

Datum
mtm_try_advisory_lock(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {
		F_PG_TRY_ADVISORY_LOCK_INT8, F_PG_TRY_ADVISORY_LOCK_INT4_INT4
	};

	PG_RETURN_BOOL(take(fcinfo, replaced, ExclusiveLock, true, false));
}

Datum
mtm_try_advisory_lock_shared(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {
		F_PG_TRY_ADVISORY_LOCK_SHARED_INT8, F_PG_TRY_ADVISORY_LOCK_SHARED_INT4_INT4
	};

	PG_RETURN_BOOL(take(fcinfo, replaced, ShareLock, true, false));
}

Datum
mtm_try_advisory_xact_lock(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {
		F_PG_TRY_ADVISORY_XACT_LOCK_INT8, F_PG_TRY_ADVISORY_XACT_LOCK_INT4_INT4
	};

	PG_RETURN_BOOL(take(fcinfo, replaced, ExclusiveLock, false, false));
}

Datum
mtm_try_advisory_xact_lock_shared(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {
		F_PG_TRY_ADVISORY_XACT_LOCK_SHARED_INT8, F_PG_TRY_ADVISORY_XACT_LOCK_SHARED_INT4_INT4
	};

	PG_RETURN_BOOL(take(fcinfo, replaced, ShareLock, false, false));
}

static bool
unlock(FunctionCallInfo fcinfo, const Oid replaced[2], LOCKMODE mode)
{
	LOCKTAG		tag;
	bool		released;

	check_right(replaced[PG_NARGS() - 1]);
	make_tag(fcinfo, &tag);
	released = LockRelease(&tag, mode, true);
	if (released)
		MtmAdvisoryReleasedOne(&tag, mode);
	return released;
}

Datum
mtm_advisory_unlock(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {
		F_PG_ADVISORY_UNLOCK_INT8, F_PG_ADVISORY_UNLOCK_INT4_INT4
	};

	PG_RETURN_BOOL(unlock(fcinfo, replaced, ExclusiveLock));
}

Datum
mtm_advisory_unlock_shared(PG_FUNCTION_ARGS)
{
	static const Oid replaced[] = {
		F_PG_ADVISORY_UNLOCK_SHARED_INT8, F_PG_ADVISORY_UNLOCK_SHARED_INT4_INT4
	};

	PG_RETURN_BOOL(unlock(fcinfo, replaced, ShareLock));
}

Datum
mtm_advisory_unlock_all(PG_FUNCTION_ARGS)
{
	check_right(F_PG_ADVISORY_UNLOCK_ALL);
	(void) pg_advisory_unlock_all(fcinfo);
	MtmAdvisoryReleased();
	PG_RETURN_VOID();
}
