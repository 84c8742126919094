/*
 * What a node does for another one that compares or copies tables: mtm.serve(),
 * mtm.read_value(), and what they need of C.
 *
 * Runs in: sessions of checks, as the role of the links.
 * Path: ts-src/shell/ on some node -> here -> ts-src/shell/serve.ts on this one
 *
 * The role of the links may replicate, so it may read everything; but it may write
 * nothing, and run no code as anybody else. mtm.serve() gives it a few tasks. What they
 * read of a table is read with the rights of its owner, as text, and found by the operators
 * of its index. mtm.read_value() gives it any query, but one that only reads, with the
 * rights of pg_read_all_data.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid_d.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "monitor/shell_access.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(mtm_serve);
PG_FUNCTION_INFO_V1(mtm_read_value);
PG_FUNCTION_INFO_V1(mtm_shell_run_as_owner);
PG_FUNCTION_INFO_V1(mtm_shell_lock_table);

/* The only value of the only row, copied out of SPI's memory. */
static Datum
only_value(bool *isnull)
{
	Form_pg_attribute column;
	Datum		value;

	if (SPI_processed != 1 || SPI_tuptable == NULL || SPI_tuptable->tupdesc->natts != 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("the query must give one value")));
	column = TupleDescAttr(SPI_tuptable->tupdesc, 0);
	if (column->atttypid != JSONBOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query must give a value of type jsonb")));
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	return *isnull ? value : SPI_datumTransfer(value, false, -1);
}

/*
 * Who runs the query ends with an error, too: with its (sub)transaction, as do the
 * settings. So there is nothing to catch here. Null: it gives no rows.
 */
static Datum
run_as(Oid role, int more_context, const char *query, int arguments, Datum *values,
	   bool read_only, bool *isnull)
{
	Oid			types[2] = {TEXTOID, JSONBOID};
	Oid			user;
	int			context;
	int			settings = NewGUCNestLevel();
	Datum		value = (Datum) 0;
	int			result;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE | more_context);
	SPI_connect();
	result = SPI_execute_with_args(query, arguments, types, values, NULL, read_only, 2);
	*isnull = true;
	if (result == SPI_OK_SELECT)
		value = only_value(isnull);
	SPI_finish();
	AtEOXact_GUC(false, settings);
	SetUserIdAndSecContext(user, context);
	return value;
}

Datum
mtm_serve(PG_FUNCTION_ARGS)
{
	Datum		values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	bool		isnull;
	Datum		value;

	MtmShellRequireReplication();
	value = run_as(BOOTSTRAP_SUPERUSERID, 0, "SELECT mtm.serve_task($1, $2)", 2, values,
				   false, &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(value);
}

Datum
mtm_read_value(PG_FUNCTION_ARGS)
{
	bool		isnull;
	Datum		value;

	MtmShellRequireReplication();
	if (!XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the transaction must be read-only")));
	value = run_as(ROLE_PG_READ_ALL_DATA, SECURITY_RESTRICTED_OPERATION,
				   text_to_cstring(PG_GETARG_TEXT_PP(0)), 0, NULL, true, &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(value);
}

static Oid
owner_of(Oid table)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no table with OID %u", table)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * As REINDEX and the like do. The queries themselves call no code of users, but planning
 * them may: it computes what is constant in expressions of indexes.
 */
Datum
mtm_shell_run_as_owner(PG_FUNCTION_ARGS)
{
	bool		isnull;
	Datum		value;

	MtmShellRequireSuperuser();
	value = run_as(owner_of(PG_GETARG_OID(0)), SECURITY_RESTRICTED_OPERATION,
				   text_to_cstring(PG_GETARG_TEXT_PP(1)), 0, NULL, false, &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(value);
}

static LOCKMODE
mode_of(const char *name)
{
	static const struct
	{
		const char *name;
		LOCKMODE	mode;
	}			modes[] = {
		{"access share", AccessShareLock},
		{"share", ShareLock},
		{"exclusive", ExclusiveLock},
	};

	for (int i = 0; i < lengthof(modes); i++)
	{
		if (strcmp(modes[i].name, name) == 0)
			return modes[i].mode;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is no lock mode", name)));
}

/* PostgreSQL itself would leave such locks behind when the session ends while it is idle. */
static void
release_locks(int code, Datum arg)
{
	AbortOutOfAnyTransaction();
	LockReleaseAll(DEFAULT_LOCKMETHOD, true);
}

/*
 * Lock a table until the session ends, or its transaction fails: LOCK TABLE would do it
 * within a transaction only, and one with a snapshot of its own comes later. False: the
 * table is gone.
 */
Datum
mtm_shell_lock_table(PG_FUNCTION_ARGS)
{
	static bool registered = false;
	LockRelId	table = {
		.relId = PG_GETARG_OID(0),
		.dbId = MyDatabaseId,
	};

	MtmShellRequireSuperuser();
	if (!registered)
	{
		before_shmem_exit(release_locks, 0);
		registered = true;
	}
	LockRelationIdForSession(&table, mode_of(text_to_cstring(PG_GETARG_TEXT_PP(1))));
	AcceptInvalidationMessages();
	PG_RETURN_BOOL(SearchSysCacheExists1(RELOID, ObjectIdGetDatum(table.relId)));
}
