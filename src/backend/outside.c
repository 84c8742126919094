/*
 * Statements that run outside of transactions, on every node; see outside.h.
 *
 * Runs in: the client's backend.
 * Path: backend/schema_change.c -> here -> backend/outside_session.c -> apply/outside.c
 *       on the nodes, one after the other; last WAL -> apply/schema_change.c
 * Locks: one statement about a target at a time (outside_session.h). While another node is
 *        waited for, this backend has no lock and no snapshot: the others' concurrent builds
 *        wait for such.
 *
 * Steps of CREATE INDEX CONCURRENTLY:
 *  1 here      PostgreSQL's own, with all its errors
 *  2 publish   a commit on all nodes puts what it makes so into mtm.unfinished_statements
 *  3 nodes     each other online node runs it, one after the other
 *  4 record    a commit on all nodes: the row goes, and what is so now is a schema change
 *              of the kind `outside`, which nodes that are away will read
 * When one fails, the index is dropped everywhere by the same steps. DROP INDEX
 * CONCURRENTLY and DROP TABLESPACE run on the other nodes first: what failed is still here,
 * and the same statement may be tried again. DETACH PARTITION CONCURRENTLY cannot be undone:
 * the row comes first and stays until all nodes have it, and meanwhile nobody changes the
 * schema of the partitioned table (backend/detaching.c).
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "backend/drive.h"
#include "backend/outside.h"
#include "backend/outside_session.h"
#include "backend/schema_change_content.h"
#include "backend/schema_change_frame.h"
#include "backend/schema_change_watch.h"
#include "backend/written.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid_d.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type_d.h"
#include "commands/tablespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parser.h"
#include "pgstat.h"
#include "replication/message.h"
#include "settings.h"
#include "shmem/view.h"
#include "storage/latch.h"
#include "tcop/cmdtag.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "wire/frame.h"
#include "wire/outside.h"

/* While the cluster changes, a commit of ours is tried so often. */
#define TRIES 20
#define AGAIN_MS 500

#define START_TRIGGER_HINT "Use ddl_command_end."

/* What is to be so on all nodes. */
typedef struct Change
{
	const char *command;		/* for errors */
	const char *target;
	const char *text;			/* the plain statement */
	Node	   *parsed;
	StringInfo	content;
	char	   *id;
	MtmNodeSet	tried;			/* where it was begun, */
	int			last;			/* the last of them */
	bool		undoes;			/* another one that failed */
	bool		forget;			/* it is not so on all nodes: nothing is recorded */
} Change;

/* The client's statement. */
typedef struct Statement
{
	Node	   *node;
	const char *text;
	const char *command;
	MtmRunHere	run;
	const void *call;
} Statement;

static Change *
make_change(const char *command, const char *target, const char *text)
{
	Change	   *change = palloc0(sizeof(*change));

	change->command = command;
	change->target = target;
	change->text = text;
	change->parsed = linitial_node(RawStmt, raw_parser(text, RAW_PARSE_DEFAULT))->stmt;
	change->content = MtmSchemaChangeOutside(change->parsed, text);
	return change;
}

/*---------------------------------------------------------------------------
 * Commits on all nodes.
 */
static void
execute(const char *query, int count, Oid *types, Datum *values)
{
	Oid			me;
	int			security_context;

	GetUserIdAndSecContext(&me, &security_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   security_context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute_with_args(query, count, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not write mtm.unfinished_statements");
	SPI_finish();
	SetUserIdAndSecContext(me, security_context);
}

static void
publish(void *argument)
{
	Change	   *change = argument;
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID, TEXTOID, BYTEAOID};
	Datum		values[6];

	MtmOutsideBegin();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(context);
	change->id = psprintf("%d-" UINT64_FORMAT "-" INT64_FORMAT, mtm_node_id,
						  U64FromFullTransactionId(GetTopFullTransactionId()),
						  GetCurrentTimestamp());
	values[0] = CStringGetTextDatum(change->target);
	values[1] = CStringGetTextDatum(change->id);
	values[2] = Int32GetDatum(mtm_node_id);
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[4] = CStringGetTextDatum(change->text);
	values[5] = PointerGetDatum(cstring_to_text_with_len(change->content->data,
														 change->content->len));
	execute("INSERT INTO mtm.unfinished_statements AS u "
			"(target, id, node_id, since, statement, content) "
			"VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (target) DO UPDATE SET "
			"id = EXCLUDED.id, node_id = EXCLUDED.node_id, since = EXCLUDED.since, "
			"statement = EXCLUDED.statement, content = EXCLUDED.content",
			lengthof(types), types, values);
	MtmOutsideBegin();
}

static void
log_change(const Change *change)
{
	if (!MtmOutsideIsSo(change->parsed, change->text))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("what %s did was changed meanwhile", change->command)));
	MtmWrittenSchema();
	LogLogicalMessage(MTM_MESSAGE_SCHEMA, change->content->data, change->content->len, true);
	LogLogicalMessage(MTM_MESSAGE_SCHEMA_END, "", 0, true);
}

static void
record(void *argument)
{
	const Change *change = argument;
	Oid			types[] = {TEXTOID};
	Datum		values[1];

	MtmOutsideBegin();
	PushActiveSnapshot(GetTransactionSnapshot());
	values[0] = CStringGetTextDatum(change->target);
	execute("DELETE FROM mtm.unfinished_statements WHERE target OPERATOR(pg_catalog.=) $1",
			1, types, values);
	if (!change->forget)
		log_change(change);
	MtmOutsideBegin();
}

/* NULL, or the error with which it failed, when its transaction has been rolled back. */
static ErrorData *
attempt(void (*step) (void *), void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		step(argument);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		StartTransactionCommand();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return error;
}

/* The cluster changes, or somebody stands in the way for a moment. */
static bool
passes_by(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
		ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK) ||
		error->sqlerrcode == ERRCODE_CANNOT_CONNECT_NOW;
}

/* Of the connection to a node, or of the node. */
static bool
is_loss(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
		ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION);
}

static void
wait_before_again(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, AGAIN_MS,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
commit_surely(void (*step) (void *), Change *change)
{
	for (int i = 1;; i++)
	{
		ErrorData  *error = attempt(step, change);

		if (!error)
			return;
		if (i >= TRIES || !passes_by(error))
			ReThrowError(error);
		wait_before_again();
	}
}

/*---------------------------------------------------------------------------
 * On every node.
 */

static void
run_on_last(void *argument)
{
	const Change *change = argument;

	MtmOutsideRunOn(change->last, change->command, change->target, change->id);
}

static bool
may_run_again(const Change *change, const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_CANNOT_CONNECT_NOW ||
		(change->undoes && (passes_by(error) || is_loss(error)));
}

/*
 * What a lost node began is not undone there, but read by it when it comes back: the other
 * nodes need a moment to see that it is lost.
 */
static void
run_surely_on_last(Change *change)
{
	for (int i = 1;; i++)
	{
		ErrorData  *error = attempt(run_on_last, change);

		if (!error || (change->undoes && !MTM_IN_SET(MtmViewGet().members, change->last)))
			return;
		if (i >= TRIES || !may_run_again(change, error))
			ReThrowError(error);
		wait_before_again();
	}
}

/* On these, of those that are online; one that comes back meanwhile, too. */
static void
run_on(Change *change, MtmNodeSet nodes)
{
	for (;;)
	{
		MtmNodeSet	left = MtmViewGet().members & nodes & ~change->tried;
		int			node_id = 1;

		if (left == 0)
			return;
		while (!MTM_IN_SET(left, node_id))
			node_id++;
		change->tried |= MTM_NODE_BIT(node_id);
		change->last = node_id;
		run_surely_on_last(change);
	}
}

static void
run_on_others(Change *change)
{
	run_on(change, ~MTM_NODE_BIT(mtm_node_id));
}

static void
make_so_on_others(void *argument)
{
	Change	   *change = argument;

	commit_surely(publish, change);
	run_on_others(change);
	commit_surely(record, change);
}

static void
make_so_everywhere(void *argument)
{
	Change	   *change = argument;

	commit_surely(publish, change);
	run_on(change, ~UINT64CONST(0));
	commit_surely(record, change);
}

static void
run_here(void *argument)
{
	const Statement *statement = argument;

	PushActiveSnapshot(GetTransactionSnapshot());
	statement->run(statement->call);
	MtmOutsideBegin();
}

/*---------------------------------------------------------------------------
 * After a failure.
 */
typedef struct Undo
{
	Change	   *change;
	MtmNodeSet	nodes;
} Undo;

static void
run_undo(void *argument)
{
	const Undo *undo = argument;

	run_on(undo->change, undo->nodes);
}

/* On all of them, whatever one says. */
static void
undo_on(void *argument)
{
	Undo	   *undo = argument;
	ErrorData  *first = NULL;
	ErrorData  *error;

	commit_surely(publish, undo->change);
	while ((error = attempt(run_undo, undo)) != NULL)
	{
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		if (!first)
			first = error;
	}
	if (first)
		ReThrowError(first);
	commit_surely(record, undo->change);
}

/* Something else has the name on the last node that was tried, maybe on more: it stays. */
static bool
name_is_taken(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_DUPLICATE_TABLE ||
		error->sqlerrcode == ERRCODE_DUPLICATE_OBJECT;
}

/*
 * What `failed` began is undone where it was begun; the error then says whether that
 * succeeded. Of a commit whose outcome is open nothing is undone.
 */
static void
undo_and_throw(ErrorData *error, const Change *failed, const char *undo_text)
{
	Undo		undo = {
		.change = make_change(failed->command, failed->target, undo_text),
		.nodes = failed->tried | MTM_NODE_BIT(mtm_node_id)
	};
	ErrorData  *again;

	if (error->sqlerrcode == ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN)
		ReThrowError(error);
	undo.change->undoes = true;
	if (name_is_taken(error) && failed->last != 0)
	{
		undo.nodes &= ~MTM_NODE_BIT(failed->last);
		undo.change->forget = true;
	}
	again = attempt(undo_on, &undo);
	if (!again && !error->hint)
		error->hint = "Nothing of it is left on any node.";
	else if (again)
	{
		error->detail = error->detail ?
			psprintf("%s\nIt could not be undone: %s", error->detail, again->message) :
			psprintf("It could not be undone: %s", again->message);
		error->hint = psprintf("Run it again, or %s.", undo_text);
	}
	ReThrowError(error);
}

/*---------------------------------------------------------------------------
 * CREATE INDEX CONCURRENTLY.
 */
static const char *
index_target(const char *name)
{
	return psprintf("index %s", name);
}

static const char *
drop_text(const char *name)
{
	return psprintf("DROP INDEX IF EXISTS %s", name);
}

/* What a former try left here: PostgreSQL would take its name for given. */
static void
drop_incomplete(const Statement *statement, Oid index)
{
	const char *name = MtmQualifiedName(index);

	if (!pg_class_ownercheck(index, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(index));
	make_so_everywhere(make_change(statement->command, index_target(name), drop_text(name)));
}

static Oid
made_index(const MtmSchemaFrame *frame)
{
	ListCell   *cell;

	foreach(cell, frame->created)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_INDEX)
			return lfirst_oid(cell);
	}
	return InvalidOid;
}

/* PostgreSQL cannot prepare what a trigger writes: by then it holds locks of the session. */
static void
explain_refusal(const Statement *statement, ErrorData *error)
{
	if (error->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED || !error->filename ||
		strcmp(error->filename, "lock.c") != 0 ||
		MtmCountStartTriggers(statement->node) == 0)
		return;
	error->detail = psprintf("An event trigger on ddl_command_start may not write before %s.",
							 statement->command);
	error->hint = pstrdup(START_TRIGGER_HINT);
}

/* Returns the index that it made; invalid: it was there. */
static Oid
create_here(Statement *statement)
{
	MtmSchemaFrame frame;
	ErrorData  *error;
	Oid			index;

	MtmSchemaFrameEnter(&frame, NULL, 0);
	error = attempt(run_here, statement);
	MtmSchemaFrameLeave(&frame);
	index = made_index(&frame);
	if (error && OidIsValid(index))
	{
		const char *name = MtmQualifiedName(index);
		Change		failed = {.command = statement->command,.target = index_target(name)};

		undo_and_throw(error, &failed, drop_text(name));
	}
	if (error)
	{
		explain_refusal(statement, error);
		ReThrowError(error);
	}
	return index;
}

static Oid
lock_named(const Statement *statement, IndexStmt *create)
{
	Oid			table = RangeVarGetRelid(create->relation, NoLock, true);

	if (!create->idxname || !OidIsValid(table))
		return InvalidOid;
	MtmOutsideLock(index_target(quote_qualified_identifier(
		get_namespace_name(get_rel_namespace(table)), create->idxname)));
	return MtmIndexOfStatement(create);
}

static void
create_index(Statement *statement)
{
	IndexStmt  *create = (IndexStmt *) statement->node;
	Oid			before = lock_named(statement, create);
	Oid			index;
	ErrorData  *error;
	const char *name;
	Change	   *change;

	if (OidIsValid(before) && MtmIndexIsIncomplete(before))
	{
		drop_incomplete(statement, before);
		before = InvalidOid;
	}
	else if (OidIsValid(before) && !create->if_not_exists)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", create->idxname),
				 errhint("With IF NOT EXISTS the statement makes it on nodes that lack it.")));
	index = create_here(statement);
	if (!OidIsValid(index) && !OidIsValid(before))
		return;
	name = MtmQualifiedName(OidIsValid(index) ? index : before);
	if (!create->idxname)
		MtmOutsideLock(index_target(name));
	change = make_change(statement->command, index_target(name),
						 MtmIndexDefinition(OidIsValid(index) ? index : before));
	error = attempt(make_so_on_others, change);
	if (error && OidIsValid(index))
		undo_and_throw(error, change, drop_text(name));
	if (error)
		ReThrowError(error);
}

/*---------------------------------------------------------------------------
 * DROP INDEX CONCURRENTLY.
 */
static const char *
name_to_drop(RangeVar *relation, Oid index)
{
	List	   *path;

	if (OidIsValid(index))
		return MtmQualifiedName(index);
	if (relation->schemaname)
		return quote_qualified_identifier(relation->schemaname, relation->relname);
	path = fetch_search_path(false);
	return path == NIL ? NULL :
		quote_qualified_identifier(get_namespace_name(linitial_oid(path)),
								   relation->relname);
}

/* PostgreSQL will refuse it here: then it is not tried elsewhere. */
static bool
refused_here(const DropStmt *drop, Oid index)
{
	if (drop->behavior == DROP_CASCADE)
		return true;
	if (!OidIsValid(index))
		return !drop->missing_ok;
	return get_rel_relkind(index) != RELKIND_INDEX ||
		!pg_class_ownercheck(index, GetUserId()) || OidIsValid(get_index_constraint(index));
}

static void
drop_index(Statement *statement)
{
	DropStmt   *drop = (DropStmt *) statement->node;
	RangeVar   *relation = makeRangeVarFromNameList(linitial(drop->objects));
	Oid			index = RangeVarGetRelid(relation, NoLock, true);
	const char *name = name_to_drop(relation, index);
	Change	   *change;

	if (list_length(drop->objects) != 1 || refused_here(drop, index) || !name)
	{
		run_here(statement);
		return;
	}
	if (MtmCountStartTriggers(statement->node) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("multimaster does not support %s with event triggers on ddl_command_start",
						statement->command),
				 errdetail("They would fire when the other nodes have dropped the index."),
				 errhint(START_TRIGGER_HINT)));
	change = make_change(statement->command, index_target(name), drop_text(name));
	MtmOutsideLock(change->target);
	commit_surely(publish, change);
	run_on_others(change);
	run_here(statement);
	commit_surely(record, change);
}

/*---------------------------------------------------------------------------
 * Tablespaces.
 */
static const char *
tablespace_target(const char *name)
{
	return psprintf("tablespace %s", quote_identifier(name));
}

static void
create_tablespace(Statement *statement)
{
	CreateTableSpaceStmt *create = (CreateTableSpaceStmt *) statement->node;
	const char *target = tablespace_target(create->tablespacename);
	ErrorData  *error;
	Change	   *change;

	MtmOutsideLock(target);
	run_here(statement);
	change = make_change(statement->command, target, statement->text);
	error = attempt(make_so_on_others, change);
	if (error)
		undo_and_throw(error, change,
					   psprintf("DROP TABLESPACE IF EXISTS %s",
								quote_identifier(create->tablespacename)));
}

static void
drop_tablespace(Statement *statement)
{
	DropTableSpaceStmt *drop = (DropTableSpaceStmt *) statement->node;
	Oid			tablespace = get_tablespace_oid(drop->tablespacename, true);
	Change	   *change;

	if (!OidIsValid(tablespace) ? !drop->missing_ok :
		!pg_tablespace_ownercheck(tablespace, GetUserId()))
	{
		run_here(statement);
		return;
	}
	change = make_change(statement->command, tablespace_target(drop->tablespacename),
						 psprintf("DROP TABLESPACE IF EXISTS %s",
								  quote_identifier(drop->tablespacename)));
	MtmOutsideLock(change->target);
	commit_surely(publish, change);
	run_on_others(change);
	run_here(statement);
	commit_surely(record, change);
}

/*---------------------------------------------------------------------------
 * DETACH PARTITION CONCURRENTLY.
 */
static bool
is_published(const char *target)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(target)};
	bool		found;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute_with_args("SELECT FROM mtm.unfinished_statements "
							  "WHERE target OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read mtm.unfinished_statements");
	found = SPI_processed > 0;
	SPI_finish();
	MtmOutsideBegin();
	return found;
}

typedef struct Detach
{
	Statement  *statement;
	Change	   *change;
	Oid			parent;
	Oid			partition;
	bool		finalize;		/* the client's statement is FINALIZE */
} Detach;

/* Here first, with all errors of PostgreSQL; what a former try began, in the way of other nodes. */
static void
detach_here(void *argument)
{
	const Detach *detach = argument;

	switch (MtmPartitionStateOf(detach->parent, detach->partition))
	{
		case MTM_PARTITION_OTHER:
			return;
		case MTM_PARTITION_ATTACHED:
			if (!detach->finalize)
			{
				run_here(detach->statement);
				return;
			}
			break;
		case MTM_PARTITION_DETACHING:
			if (detach->finalize)
			{
				run_here(detach->statement);
				return;
			}
			break;
	}
	run_on(detach->change, MTM_NODE_BIT(mtm_node_id));
}

static void
detach_elsewhere(void *argument)
{
	const Detach *detach = argument;

	run_on_others(detach->change);
	commit_surely(record, detach->change);
}

static void
throw_detach_error(ErrorData *error, const Change *change)
{
	if (!error->hint)
		error->hint = psprintf("Where it was detached it stays so. To end it on all nodes: %s FINALIZE.",
							   change->text);
	ReThrowError(error);
}

static void
detach_known(Detach *detach)
{
	Change	   *change = detach->change;
	bool		unfinished = is_published(change->target);
	MtmPartitionState state = MtmPartitionStateOf(detach->parent, detach->partition);
	ErrorData  *error;

	if (state == MTM_PARTITION_OTHER && !unfinished)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" is not a partition of relation \"%s\"",
						get_rel_name(detach->partition), get_rel_name(detach->parent))));
	if (!unfinished && detach->finalize != (state == MTM_PARTITION_DETACHING))
	{
		run_here(detach->statement);	/* PostgreSQL refuses it */
		return;
	}
	commit_surely(publish, change);
	error = attempt(detach_here, detach);
	if (error && !unfinished &&
		MtmPartitionStateOf(detach->parent, detach->partition) == MTM_PARTITION_ATTACHED)
	{
		/* no node has begun */
		change->forget = true;
		commit_surely(record, change);
		ReThrowError(error);
	}
	if (!error)
		error = attempt(detach_elsewhere, detach);
	if (error)
		throw_detach_error(error, change);
}

static void
detach_partition(Statement *statement)
{
	AlterTableStmt *alter = (AlterTableStmt *) statement->node;
	AlterTableCmd *command = MtmDetachCommand(alter);
	RangeVar   *name = castNode(PartitionCmd, command->def)->name;
	Detach		detach = {
		.statement = statement,
		.parent = RangeVarGetRelid(alter->relation, NoLock, alter->missing_ok),
		.finalize = command->subtype == AT_DetachPartitionFinalize
	};
	const char *partition;

	if (!OidIsValid(detach.parent))
	{
		run_here(statement);	/* IF EXISTS */
		return;
	}
	if (!pg_class_ownercheck(detach.parent, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(detach.parent)),
					   get_rel_name(detach.parent));
	detach.partition = RangeVarGetRelid(name, NoLock, false);
	partition = MtmQualifiedName(detach.partition);
	detach.change = make_change(statement->command, psprintf("partition %s", partition),
								psprintf("ALTER TABLE %s DETACH PARTITION %s",
										 MtmQualifiedName(detach.parent), partition));
	MtmOutsideLock(detach.change->target);
	detach_known(&detach);
}

/*---------------------------------------------------------------------------
 * All of them.
 */
static void
run_statement(Statement *statement)
{
	switch (nodeTag(statement->node))
	{
		case T_IndexStmt:
			create_index(statement);
			break;
		case T_DropStmt:
			drop_index(statement);
			break;
		case T_AlterTableStmt:
			detach_partition(statement);
			break;
		case T_CreateTableSpaceStmt:
			create_tablespace(statement);
			break;
		case T_DropTableSpaceStmt:
			drop_tablespace(statement);
			break;
		default:
			elog(ERROR, "unexpected statement outside of transactions: %d",
				 (int) nodeTag(statement->node));
	}
}

static const char *
command_name(Node *node)
{
	const char *name = GetCommandTagName(CreateCommandTag(node));

	if (IsA(node, AlterTableStmt))
		return MtmDetachCommand((AlterTableStmt *) node)->subtype == AT_DetachPartition ?
			"ALTER TABLE ... DETACH CONCURRENTLY" : "ALTER TABLE ... DETACH FINALIZE";
	return IsA(node, IndexStmt) || IsA(node, DropStmt) ? psprintf("%s CONCURRENTLY", name) :
		name;
}

void
MtmOutsideStatement(const PlannedStmt *pstmt, const char *query_string,
					ProcessUtilityContext context, MtmRunHere run, const void *call)
{
	MtmViewData view = MtmViewGet();
	MemoryContext mine;
	MemoryContext old;
	Statement	statement = {.run = run,.call = call};

	PreventInTransactionBlock(context == PROCESS_UTILITY_TOPLEVEL,
							  command_name(pstmt->utilityStmt));
	if (view.status != MTM_ONLINE)
		MtmRefuseNotOnline(view.status);

	/* It outlives the transactions that are committed or rolled back on the way. */
	mine = AllocSetContextCreate(PortalContext, "multimaster statement",
								 ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(mine);
	statement.node = copyObject(pstmt->utilityStmt);
	statement.text = MtmStatementText(pstmt, query_string);
	statement.command = command_name(statement.node);
	ForgetPortalSnapshots();
	MtmOutsideBegin();
	PG_TRY();
	{
		run_statement(&statement);
	}
	PG_FINALLY();
	{
		MtmOutsideUnlock();
	}
	PG_END_TRY();
	MtmOutsideBegin();
	MemoryContextSwitchTo(old);
}
