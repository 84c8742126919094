/*
 * Statements outside of transactions, where another node asks for them; see outside.h.
 *
 * Runs in: sessions of other nodes (mtm.run_unfinished()), apply workers, the recovery
 *          process.
 * Path: backend/outside.c of the client's node -> a session here -> PostgreSQL
 *       backend/outside.c -> WAL -> apply/schema_change.c -> here
 * Locks: those of the statement, which waits for whoever uses the table.
 *
 * A session of another node may run nothing but what is in mtm.unfinished_statements: so
 * the role of the links gets no rights that it has not. PostgreSQL's functions are called
 * without ProcessUtility: no event trigger fires. Code of users, which indexes may call,
 * they run with the rights of the table's owner, restricted.
 *
 * A build that fails leaves an incomplete index, which is dropped at once; what a crash
 * leaves is dropped before the next try.
 */
#include "postgres.h"

#include "access/xact.h"
#include "apply/detach.h"
#include "apply/leftover_names.h"
#include "apply/outside.h"
#include "catalog/namespace.h"
#include "catalog/pg_type_d.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "monitor/shell_access.h"
#include "monotonic_time.h"
#include "nodes/makefuncs.h"
#include "parser/parser.h"
#include "pgstat.h"
#include "settings.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "superuser.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "wire/outside.h"
#include "wire/schema_change.h"

PG_FUNCTION_INFO_V1(mtm_run_unfinished);

#define LOOK_MS 20

static void
begin_anew(void)
{
	MtmOutsideBegin();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/*---------------------------------------------------------------------------
 * Indexes.
 */
static void
drop_index(Oid index, bool concurrently)
{
	DropStmt   *drop = makeNode(DropStmt);
	char	   *schema = get_namespace_name(get_rel_namespace(index));
	char	   *name = get_rel_name(index);

	if (!schema || !name)
		return;					/* somebody else did */
	drop->removeType = OBJECT_INDEX;
	drop->objects = list_make1(list_make2(makeString(schema), makeString(name)));
	drop->behavior = DROP_RESTRICT;
	drop->missing_ok = true;
	drop->concurrent = concurrently;
	RemoveRelations(drop);
}

static void
build_index(IndexStmt *statement, const char *text)
{
	Oid			table;

	statement->concurrent = true;
	table = RangeVarGetRelidExtended(statement->relation, ShareUpdateExclusiveLock, 0,
									 RangeVarCallbackOwnsRelation, NULL);
	statement = MtmIndexAnalyze(table, statement, text);
	(void) DefineIndex(table, statement, InvalidOid, InvalidOid, InvalidOid, false, true,
					   true, false, false);
}

static void
drop_incomplete(const IndexStmt *statement)
{
	Oid			index = MtmIndexOfStatement(statement);

	if (!OidIsValid(index) || !MtmIndexIsIncomplete(index))
		return;
	drop_index(index, true);
	begin_anew();
}

static void
clean_up(const IndexStmt *statement, Oid role)
{
	MemoryContext context = CurrentMemoryContext;

	AbortCurrentTransaction();
	SetUserIdAndSecContext(role, 0);
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	PushActiveSnapshot(GetTransactionSnapshot());
	drop_incomplete(statement);
}

static void
create_index(IndexStmt *statement, const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	IndexStmt  *original = copyObject(statement);
	Oid			role = GetUserId();

	if (MtmOutsideIsSo((Node *) statement, text))
		return;
	begin_anew();				/* without the lock that this took */
	drop_incomplete(statement);
	PG_TRY();
	{
		build_index(statement, text);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		clean_up(original, role);
		ReThrowError(error);
	}
	PG_END_TRY();
}

/*---------------------------------------------------------------------------
 * All of them.
 */
static void
run_concurrently(Node *statement, const char *text)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			create_index((IndexStmt *) statement, text);
			break;
		case T_DropStmt:
			((DropStmt *) statement)->concurrent = true;
			RemoveRelations((DropStmt *) statement);
			break;
		case T_AlterTableStmt:
			MtmDetachConcurrently((AlterTableStmt *) statement, text);
			break;
		case T_CreateTableSpaceStmt:
			if (!MtmOutsideIsSo(statement, text))
				(void) CreateTableSpace((CreateTableSpaceStmt *) statement);
			break;
		case T_DropTableSpaceStmt:
			((DropTableSpaceStmt *) statement)->missing_ok = true;
			DropTableSpace((DropTableSpaceStmt *) statement);
			break;
		default:
			(void) MtmOutsideIsSo(statement, text); /* raises */
			break;
	}
}

static Node *
parse(const char *text)
{
	List	   *parsed = raw_parser(text, RAW_PARSE_DEFAULT);

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a schema change holds %d statements", list_length(parsed))));
	return linitial_node(RawStmt, parsed)->stmt;
}

static void
apply_settings(List *settings)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		MtmSetting *setting = lfirst(cell);

		(void) set_config_option(setting->name, setting->value, PGC_SUSET, PGC_S_SESSION,
								 GUC_ACTION_SET, true, 0, false);
	}
}

/*---------------------------------------------------------------------------
 * A session of another node.
 */

/* What the other node committed, NULL when it has not come here yet. */
static bytea *
look_for(const char *target, const char *id)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2] = {CStringGetTextDatum(target), CStringGetTextDatum(id)};
	bytea	   *content = NULL;
	MtmSavedUser saved;

	saved = MtmBecomeSuperuser();
	SPI_connect();
	if (SPI_execute_with_args("SELECT content FROM mtm.unfinished_statements "
							  "WHERE target OPERATOR(pg_catalog.=) $1 "
							  "AND id OPERATOR(pg_catalog.=) $2",
							  2, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read mtm.unfinished_statements");
	if (SPI_processed == 1)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
										  &isnull);
		MemoryContext spi = MemoryContextSwitchTo(context);

		content = DatumGetByteaPCopy(value);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	MtmBecomeUser(saved);
	return content;
}

/* It is committed on its own node; here that follows soon. */
static bytea *
wait_for(const char *target, const char *id)
{
	int64		end_ms = MtmNowMs() + mtm_connect_timeout;

	for (;;)
	{
		bytea	   *content;

		begin_anew();
		content = look_for(target, id);
		MtmOutsideBegin();
		if (content)
			return content;
		if (MtmNowMs() >= end_ms)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the statement has not come to this node within multimaster.connect_timeout")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
run_as_role(const MtmSchemaChange *change)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			me;
	int			security_context;

	GetUserIdAndSecContext(&me, &security_context);
	PG_TRY();
	{
		SetUserIdAndSecContext(get_role_oid(change->role, false), security_context);
		apply_settings(change->settings);
		PushActiveSnapshot(GetTransactionSnapshot());
		run_concurrently(parse(change->statement), change->statement);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		/* An abort gives back the role with which its transaction began: not that one. */
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		SetUserIdAndSecContext(me, security_context);
		StartTransactionCommand();
		MemoryContextSwitchTo(context);
		ReThrowError(error);
	}
	PG_END_TRY();
	SetUserIdAndSecContext(me, security_context);
}

static void
require_top_level(FunctionCallInfo fcinfo)
{
	if (!fcinfo->context || !IsA(fcinfo->context, CallContext) ||
		((CallContext *) fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("mtm.run_unfinished() cannot run inside a transaction block")));
}

Datum
mtm_run_unfinished(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext old;
	StringInfoData content;
	MtmSchemaChange change;
	bytea	   *found;
	char	   *target;
	char	   *id;

	MtmShellRequireReplication();
	require_top_level(fcinfo);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments of run_unfinished() must not be null")));
	/* It outlives the transactions that the statement commits. */
	context = AllocSetContextCreate(PortalContext, "multimaster unfinished statement",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	target = text_to_cstring(PG_GETARG_TEXT_PP(0));
	id = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ForgetPortalSnapshots();

	found = wait_for(target, id);
	initStringInfo(&content);
	appendBinaryStringInfo(&content, VARDATA_ANY(found), VARSIZE_ANY_EXHDR(found));
	if (!MtmSchemaChangeRead(&content, &change) || !change.outside)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("mtm.unfinished_statements holds another kind of change")));
	run_as_role(&change);
	MtmOutsideBegin();
	MemoryContextSwitchTo(old);
	PG_RETURN_VOID();
}

/*---------------------------------------------------------------------------
 * In a transaction of another node.
 */
static const char *
description(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			return psprintf("index \"%s\" is not as it was made on other nodes",
							((IndexStmt *) statement)->idxname);
		case T_DropStmt:
			return psprintf("index \"%s\" exists again",
							NameListToString(linitial(((DropStmt *) statement)->objects)));
		case T_AlterTableStmt:
			return psprintf("partition \"%s\" is attached again",
							castNode(PartitionCmd,
									 MtmDetachCommand((AlterTableStmt *) statement)->def)->name->relname);
		case T_CreateTableSpaceStmt:
			return psprintf("tablespace \"%s\" is not as it was made on other nodes",
							((CreateTableSpaceStmt *) statement)->tablespacename);
		default:
			return psprintf("tablespace \"%s\" exists again",
							((DropTableSpaceStmt *) statement)->tablespacename);
	}
}

void
MtmOutsideDropHere(Oid index)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	drop_index(index, false);
	PopActiveSnapshot();
}

/* In its place: PostgreSQL takes what is analyzed as it is. */
static void
analyze(IndexStmt *statement, const char *text)
{
	Oid			table = RangeVarGetRelidExtended(statement->relation, ShareLock, 0,
												 RangeVarCallbackOwnsRelation, NULL);

	PushActiveSnapshot(GetTransactionSnapshot());
	*statement = *MtmIndexAnalyze(table, statement, text);
	PopActiveSnapshot();
}

bool
MtmOutsideMustRun(Node *statement, const char *text, bool decided)
{
	if (MtmOutsideIsSo(statement, text))
		return false;
	if (!decided)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s", description(statement)),
				 errhint("Somebody changed it meanwhile. Run the statement again.")));
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			/* a build that this node did not end, or that no other node knows of */
			MtmLeftoverNamesFree(statement);
			analyze((IndexStmt *) statement, text);
			return true;
		case T_AlterTableStmt:
			MtmDetachPrepare((AlterTableStmt *) statement);
			return true;
		case T_CreateTableSpaceStmt:
		case T_DropTableSpaceStmt:
			run_concurrently(statement, text);
			return false;
		default:
			return true;
	}
}
