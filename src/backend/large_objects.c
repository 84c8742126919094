/*
 * Large objects are not replicated; see large_objects.h.
 *
 * Runs in: backends.
 * Path: PostgreSQL's functions that write them, in SQL or by a function call of the
 *       protocol -> object_access_hook -> here
 * Locks: none.
 *
 * They are rows of a catalog, of which logical decoding has nothing, so nobody could tell
 * other nodes what was written. What code in C calls by itself is not seen (extension "lo"
 * removes a large object so).
 */
#include "postgres.h"

#include "backend/large_objects.h"
#include "backend/written.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "settings.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

static object_access_hook_type previous_object_access = NULL;

static bool
writes_large_object(Oid function)
{
	switch (function)
	{
		case F_LOWRITE:
		case F_LO_CREAT:
		case F_LO_CREATE:
		case F_LO_FROM_BYTEA:
		case F_LO_IMPORT_TEXT:
		case F_LO_IMPORT_TEXT_OID:
		case F_LO_PUT:
		case F_LO_TRUNCATE:
		case F_LO_TRUNCATE64:
		case F_LO_UNLINK:
			return true;
		default:
			return false;
	}
}

static void
on_object_access(ObjectAccessType access, Oid class, Oid id, int sub_id, void *arg)
{
	if (previous_object_access)
		previous_object_access(access, class, id, sub_id, arg);
	if (access != OAT_FUNCTION_EXECUTE || !writes_large_object(id) ||
		mtm_local_large_objects || mtm_volkswagen_mode || MtmProcessExempt())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("multimaster does not replicate large objects, which %s() writes",
					get_func_name(id)),
			 errhint("Use columns of type bytea; or set multimaster.local_large_objects, and "
					 "large objects are local to each node.")));
}

void
MtmLargeObjectsInstallHooks(void)
{
	previous_object_access = object_access_hook;
	object_access_hook = on_object_access;
}
