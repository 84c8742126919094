/*
 * Advisory locks of another node's session, where it holds them by a session here.
 *
 * Runs in: sessions of other nodes.
 * Path: backend/advisory_peers.c of the client's node -> here -> PostgreSQL's lock manager
 * Locks: for the session, each lock once.
 *
 * Only roles that may replicate call these: so the role of the links gets no rights that it has
 * not, and users' rights to lock are looked at where they ask.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "monitor/shell_access.h"
#include "shmem/lock_sessions.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mtm_take_advisory_lock);
PG_FUNCTION_INFO_V1(mtm_release_advisory_locks);

static void
make_tag(LOCKTAG *tag, int32 key1, int32 key2, int32 kind)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) key1, (uint32) key2, (uint16) kind);
}

static bool
is_online_in(uint64 generation)
{
	MtmViewData view = MtmViewGet();

	return view.status == MTM_ONLINE && view.generation == generation;
}

static const char *
take(const LOCKTAG *tag, LOCKMODE mode, uint64 generation, bool wait)
{
	if (!is_online_in(generation))
		return "changed";
	if (!LockHeldByMe(tag, mode) &&
		LockAcquire(tag, mode, true, !wait) == LOCKACQUIRE_NOT_AVAIL)
		return "busy";
	if (is_online_in(generation))
		return "got";
	(void) LockRelease(tag, mode, true);
	return "changed";
}

Datum
mtm_take_advisory_lock(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);
	LOCKTAG		tag;
	LOCKMODE	mode = PG_GETARG_BOOL(5) ? ShareLock : ExclusiveLock;

	MtmShellRequireReplication();
	if (node_id < 1 || node_id > MTM_MAX_NODES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no node %d", node_id)));
	make_tag(&tag, PG_GETARG_INT32(2), PG_GETARG_INT32(3), PG_GETARG_INT32(4));
	MtmLockSessionEnter(node_id);
	PG_RETURN_TEXT_P(cstring_to_text(take(&tag, mode, PG_GETARG_INT64(1),
										  PG_GETARG_BOOL(6))));
}

Datum
mtm_release_advisory_locks(PG_FUNCTION_ARGS)
{
	Datum	   *numbers;
	int			count;

	MtmShellRequireReplication();
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), INT4OID, sizeof(int32), true, TYPALIGN_INT,
					  &numbers, NULL, &count);
	for (int i = 0; i + 3 < count; i += 4)
	{
		LOCKMODE	mode = DatumGetInt32(numbers[i + 3]) ? ShareLock : ExclusiveLock;
		LOCKTAG		tag;

		make_tag(&tag, DatumGetInt32(numbers[i]), DatumGetInt32(numbers[i + 1]),
				 DatumGetInt32(numbers[i + 2]));
		if (LockHeldByMe(&tag, mode))
			(void) LockRelease(&tag, mode, true);
	}
	PG_RETURN_VOID();
}
