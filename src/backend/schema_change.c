/*
 * Catching schema changes of clients and sending them along with the transaction.
 *
 * Runs in: backends; apply workers and bypass sessions, where nothing is logged.
 * Path: backend/utility.c -> here -> WAL (wire/frame.h, MTM_MESSAGE_SCHEMA)
 *       -> sender/plugin.c -> apply/schema_change.c -> here again, on the peers
 *
 * Only the outermost statement is logged: what runs inside it (its parts, the script of
 * an extension) runs inside it on the peers too. DO, CALL, EXECUTE and functions are no
 * schema changes themselves; each statement they run comes here by itself. After the
 * statement every node gives keyless tables and new sequences what they need, by the
 * same code.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "backend/computed_values.h"
#include "backend/created_table.h"
#include "backend/detaching.h"
#include "backend/foreign_schema.h"
#include "backend/index_name.h"
#include "backend/outside.h"
#include "backend/replica_identity.h"
#include "backend/schema_change.h"
#include "backend/schema_change_class.h"
#include "backend/schema_change_content.h"
#include "backend/schema_change_frame.h"
#include "backend/schema_change_password.h"
#include "backend/schema_change_temporary.h"
#include "backend/schema_change_watch.h"
#include "backend/sequence_like.h"
#include "backend/sequence_moves.h"
#include "backend/sequences.h"
#include "backend/text_for_peers.h"
#include "backend/written.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "settings.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "wire/outside.h"

/* The arguments of ProcessUtility. */
typedef struct Call
{
	ProcessUtility_hook_type next;
	PlannedStmt *pstmt;
	const char *query_string;
	bool		read_only_tree;
	ProcessUtilityContext context;
	ParamListInfo params;
	QueryEnvironment *query_env;
	DestReceiver *dest;
	QueryCompletion *qc;
} Call;

static void
run(const Call *call)
{
	call->next(call->pstmt, call->query_string, call->read_only_tree, call->context,
			   call->params, call->query_env, call->dest, call->qc);
}

static bool
has_option(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		if (strcmp(((DefElem *) lfirst(cell))->defname, name) == 0)
			return true;
	}
	return false;
}

/*
 * Which values a sequence has is a matter of its START and INCREMENT. RESTART says where to
 * begin, so that values come again is what is wanted.
 */
static void
run_alter_sequence(const Call *call)
{
	MtmSchemaFrame *frame = MtmSchemaFrameCurrent();
	AlterSeqStmt *alter = castNode(AlterSeqStmt, call->pstmt->utilityStmt);
	bool		stepped = has_option(alter->options, "increment");
	bool		renumbered = (stepped || has_option(alter->options, "start")) &&
		!has_option(alter->options, "restart");
	Oid			id;
	MemoryContext old;

	if (renumbered && !frame->content)
		MtmSequenceNoteGiven(RangeVarGetRelid(alter->sequence, ShareRowExclusiveLock, true));
	run(call);
	id = RangeVarGetRelid(alter->sequence, NoLock, true);
	if (!OidIsValid(id))
		return;					/* IF EXISTS */
	old = MemoryContextSwitchTo(frame->context);
	if (stepped)
		frame->stepped = list_append_unique_oid(frame->stepped, id);
	if (renumbered)
		frame->renumbered = list_append_unique_oid(frame->renumbered, id);
	MemoryContextSwitchTo(old);
}

/* Within a frame. */
static void
run_part(const Call *call)
{
	if (IsA(call->pstmt->utilityStmt, AlterSeqStmt))
		run_alter_sequence(call);
	else
		run(call);
}

static const char *
command_name(const Call *call)
{
	return GetCommandTagName(CreateCommandTag(call->pstmt->utilityStmt));
}

/*---------------------------------------------------------------------------
 * After the statement.
 */
static bool
chooses_identity(Node *statement)
{
	ListCell   *cell;

	if (!statement || !IsA(statement, AlterTableStmt))
		return false;
	foreach(cell, ((AlterTableStmt *) statement)->cmds)
	{
		if (((AlterTableCmd *) lfirst(cell))->subtype == AT_ReplicaIdentity)
			return true;
	}
	return false;
}

/* No statement: the call of a function. */
static void
complete(const MtmSchemaFrame *frame, Node *statement, List *likes)
{
	List	   *tables = NIL;
	List	   *sequences = NIL;
	ListCell   *cell;

	CommandCounterIncrement();
	foreach(cell, frame->created)
	{
		switch (get_rel_relkind(lfirst_oid(cell)))
		{
			case RELKIND_RELATION:
			case RELKIND_PARTITIONED_TABLE:
			case RELKIND_MATVIEW:
				tables = lappend_oid(tables, lfirst_oid(cell));
				break;
			case RELKIND_SEQUENCE:
				sequences = lappend_oid(sequences, lfirst_oid(cell));
				break;
		}
	}
	MtmReplicaIdentityAfter(list_concat_unique_oid(tables, frame->altered),
							chooses_identity(statement) ? NIL : frame->constraints);
	MtmSequencesAfter(list_difference_oid(sequences, frame->shared), likes);
	MtmSequencesAltered(list_difference_oid(frame->altered, frame->created), frame->stepped);
	if (frame->content)
		MtmSequencesTellBehind(frame->renumbered);
}

/* Dropping takes temporary dependents along here, and needs none on the peers. */
static bool
may_touch_temporary(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CreateExtensionStmt:
		case T_AlterExtensionStmt:
		case T_DropStmt:
		case T_DropOwnedStmt:
			return true;
		default:
			return false;
	}
}

static void
check_temporary(const Call *call, const MtmSchemaFrame *frame)
{
	if (may_touch_temporary(call->pstmt->utilityStmt))
		return;
	/*
	 * The check of a function's body opens what the function will look up by name. And where
	 * rows are sent it does not matter what they were computed from.
	 */
	if (!frame->temporary_used || frame->rows_follow ||
		IsA(call->pstmt->utilityStmt, CreateFunctionStmt))
	{
		CommandCounterIncrement();
		if (!MtmObjectsUseTemporary(frame->objects))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("multimaster does not support %s on permanent objects with the use of temporary ones",
					command_name(call)),
			 errdetail("Temporary objects exist on this node only.")));
}

/*---------------------------------------------------------------------------
 * The ways to run a statement.
 */

/* The frame is entered. */
static void
run_in_frame(const Call *call, MtmSchemaFrame *frame)
{
	PG_TRY();
	{
		run_part(call);
		MtmSchemaFrameDone(frame);
	}
	PG_FINALLY();
	{
		MtmSchemaFrameLeave(frame);
	}
	PG_END_TRY();
	if (frame->content)
		check_temporary(call, frame);
}

/* ALTER TABLE or SEQUENCE ... SET LOGGED or UNLOGGED: the sequences that become so. */
static List *
changing_persistence(Node *statement, bool *logged)
{
	AlterTableStmt *alter = (AlterTableStmt *) statement;
	List	   *sequences = NIL;
	bool		changing = false;
	Oid			id;
	ListCell   *cell;

	if (!IsA(statement, AlterTableStmt))
		return NIL;
	foreach(cell, alter->cmds)
	{
		AlterTableType type = ((AlterTableCmd *) lfirst(cell))->subtype;

		if (type != AT_SetLogged && type != AT_SetUnLogged)
			continue;
		changing = true;
		*logged = type == AT_SetLogged;
	}
	id = changing ? AlterTableLookupRelation(alter, AccessExclusiveLock) : InvalidOid;
	if (!OidIsValid(id))
		return NIL;
	foreach(cell, get_rel_relkind(id) == RELKIND_SEQUENCE ? list_make1_oid(id) :
			getOwnedSequences(id))
	{
		if (get_rel_persistence(lfirst_oid(cell)) !=
			(*logged ? RELPERSISTENCE_PERMANENT : RELPERSISTENCE_UNLOGGED))
			sequences = lappend_oid(sequences, lfirst_oid(cell));
	}
	return sequences;
}

/* `content` is logged, if any; `ours`: creates what is different on each node. */
static void
run_schema_change(const Call *call, StringInfo content, bool ours)
{
	MtmSchemaFrame frame;
	List	   *likes = MtmIdentityLikes(call->pstmt->utilityStmt);
	bool		logged = false;
	List	   *sequences = ours ? NIL :
		changing_persistence(call->pstmt->utilityStmt, &logged);

	MtmSchemaFrameEnter(&frame, content,
						content ? MtmCountStartTriggers(call->pstmt->utilityStmt) : 0);
	run_in_frame(call, &frame);
	if (ours)
		return;
	if (sequences != NIL)
		CommandCounterIncrement();
	if (logged)
		MtmSequencesLogged(sequences);
	else
		MtmSequencesUnlogged(sequences);
	complete(&frame, call->pstmt->utilityStmt, likes);
	if (logged && frame.content)
		MtmSequencesTellReach(sequences);
}

static void
run_for_outside(const void *call)
{
	run(call);
}

static void
run_replicated(Call *call, bool rows_follow)
{
	char	   *text = MtmTextForPeers(call->pstmt, call->query_string);
	List	   *detaching = MtmDetachingNow();
	List	   *values;

	MtmWrittenSchema();
	values = MtmComputeValues(&call->pstmt, call->query_string);
	if (MtmHidePassword(&call->pstmt, &text) || values != NIL)
		call->read_only_tree = false;
	call->pstmt = MtmWithIndexName(call->pstmt);
	run_schema_change(call,
					  MtmSchemaChangeContent(call->pstmt->utilityStmt, text, rows_follow, values),
					  false);
	MtmDetachingRefuse(detaching);
}

static void
mark_index(const Call *cluster, const char *text)
{
	PlannedStmt *pstmt = makeNode(PlannedStmt);
	Call		mark = *cluster;

	pstmt->commandType = CMD_UTILITY;
	pstmt->utilityStmt = linitial_node(RawStmt, pg_parse_query(text))->stmt;
	mark.pstmt = pstmt;
	mark.query_string = text;
	mark.read_only_tree = false;
	mark.context = PROCESS_UTILITY_SUBCOMMAND;
	mark.dest = None_Receiver;
	mark.qc = NULL;
	MtmWrittenSchema();
	run_schema_change(&mark, MtmSchemaChangeContent(pstmt->utilityStmt, text, false, NIL), false);
	CommandCounterIncrement();
}

/*
 * PostgreSQL puts each partition in order in a transaction of its own, and marks its index
 * there. So the marks come before, on all nodes in one transaction.
 */
static void
run_cluster_of_partitions(const Call *call)
{
	List	   *texts = NIL;
	ListCell   *cell;

	if (!IsInTransactionBlock(call->context == PROCESS_UTILITY_TOPLEVEL))	/* an error */
		texts = MtmTextsOfPartitionMarks((ClusterStmt *) call->pstmt->utilityStmt);
	foreach(cell, texts)
		mark_index(call, lfirst(cell));
	if (texts != NIL)
	{
		ForgetPortalSnapshots();
		MtmOutsideBegin();
		PushActiveSnapshot(GetTransactionSnapshot());
	}
	run(call);
}

/* A statement that creates a relation and fills it. */
typedef struct Filling
{
	Node	   *statement;
	IntoClause *into;
	char	   *text;			/* of a materialized view */
} Filling;

static StringInfo
describe_filled(Oid id, const void *arg)
{
	const Filling *filling = arg;
	Relation	table;
	char	   *text;

	if (filling->text)
		return MtmSchemaChangeContent(filling->statement, filling->text,
									  !filling->into->skipData, NIL);
	table = RelationIdGetRelation(id);	/* not locked yet: nobody else can see it */
	text = MtmCreatedTableText(table, filling->into);
	RelationClose(table);
	return MtmSchemaChangeContent(filling->statement, text, true, NIL);
}

/* CREATE TABLE AS and the like, which may be what EXPLAIN runs. */
static void
run_filling(Call *call)
{
	Node	   *statement = call->pstmt->utilityStmt;
	CreateTableAsStmt *create = (CreateTableAsStmt *)
		(IsA(statement, ExplainStmt) ?
		 castNode(Query, ((ExplainStmt *) statement)->query)->utilityStmt : statement);
	Filling		filling = {statement, create->into, NULL};
	MtmSchemaFrame frame;

	if (create->objtype == OBJECT_MATVIEW)
		filling.text = MtmStatementText(call->pstmt, call->query_string);
	MtmWrittenSchema();
	MtmSchemaFrameEnterDescribed(&frame, describe_filled, &filling);
	run_in_frame(call, &frame);
	complete(&frame, statement, NIL);
}

/* Which tables it reaches is known when it is done, with all of them locked. */
static void
run_truncate(const Call *call)
{
	TruncateStmt *truncate = (TruncateStmt *) call->pstmt->utilityStmt;
	List	   *tables = NIL;
	List	  **before = MtmWatchTruncates(&tables);
	ListCell   *cell;

	PG_TRY();
	{
		run(call);
	}
	PG_FINALLY();
	{
		MtmWatchTruncates(before);
	}
	PG_END_TRY();

	foreach(cell, tables)
	{
		Relation	relation = try_relation_open(lfirst_oid(cell), AccessShareLock);
		bool		replicated;

		if (!relation)
			continue;
		replicated = MtmRelationReplicated(relation);
		relation_close(relation, NoLock);
		if (!replicated)
			continue;
		MtmWrittenRows();
	}
	if (truncate->restart_seqs)
		MtmSequencesRestarted(tables);
}

static void
run_copy(const Call *call)
{
	CopyStmt   *copy = (CopyStmt *) call->pstmt->utilityStmt;
	Relation	relation;

	if (copy->is_from && copy->relation)
	{
		/* the lock that COPY takes first, too */
		relation = table_openrv(copy->relation, RowExclusiveLock);
		if (MtmRelationReplicated(relation))
			MtmWrittenRows();
		table_close(relation, NoLock);
	}
	run(call);
}

static void
tell_only_here(const Call *call)
{
	if (mtm_volkswagen_mode)
		return;
	ereport(NOTICE,
			(errmsg("%s concerns this node only", command_name(call)),
			 errdetail("multimaster replicates one database.")));
}

/*
 * So begins what pg_dump writes of a cluster: with the extension, and an empty search_path,
 * as nobody works. The increments that follow are those that it found.
 */
static void
note_dump(Node *statement)
{
	CreateExtensionStmt *create = (CreateExtensionStmt *) statement;

	if (!IsA(statement, CreateExtensionStmt) || !create->if_not_exists ||
		!OidIsValid(get_extension_oid(create->extname, true)) ||
		namespace_search_path[0] != '\0')
		return;
	SetConfigOption("multimaster.dump_of_cluster", "on", PGC_USERSET, PGC_S_SESSION);
}

static void
run_classified(Call *call)
{
	MtmStatementRefusal refusal;
	Node	   *statement = call->pstmt->utilityStmt;

	switch (MtmStatementClassify(statement, call->query_string, &refusal))
	{
		case MTM_STATEMENT_LOCAL:
			run(call);
			break;
		case MTM_STATEMENT_ONLY_HERE:
			tell_only_here(call);
			run(call);
			break;
		case MTM_STATEMENT_OURS:
			note_dump(statement);
			run_schema_change(call, NULL, true);
			break;
		case MTM_STATEMENT_ROWS:
			if (IsA(statement, TruncateStmt))
				run_truncate(call);
			else
				run_copy(call);
			break;
		case MTM_STATEMENT_REPLICATED:
			run_replicated(call, false);
			break;
		case MTM_STATEMENT_COMPUTES:
			if (IsA(statement, CreateTableAsStmt) || IsA(statement, ExplainStmt))
				run_filling(call);
			else
				run_replicated(call, true);
			break;
		case MTM_STATEMENT_OUTSIDE:
			MtmOutsideStatement(call->pstmt, call->query_string, call->context,
								run_for_outside, call);
			break;
		case MTM_STATEMENT_CLUSTER_PARTITIONS:
			run_cluster_of_partitions(call);
			break;
		case MTM_STATEMENT_IMPORT:
			MtmImportForeignSchema((ImportForeignSchemaStmt *) statement);
			break;
		case MTM_STATEMENT_REFUSED:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("multimaster does not support this form of %s yet",
							command_name(call)),
					 refusal.detail ? errdetail_internal("%s", refusal.detail) : 0,
					 refusal.hint ? errhint("%s", refusal.hint) : 0));
	}
}

/* Of those that PostgreSQL lets read-only transactions run, some would change the schema. */
static void
run_read_only(const Call *call)
{
	Node	   *statement = call->pstmt->utilityStmt;
	MtmStatementRefusal refusal;

	if ((IsA(statement, ExplainStmt) || IsA(statement, ClusterStmt)) &&
		MtmStatementClassify(statement, call->query_string, &refusal) != MTM_STATEMENT_LOCAL)
		PreventCommandIfReadOnly(command_name(call));
	run(call);
}

static void
dispatch(Call *call)
{
	Node	   *statement = call->pstmt->utilityStmt;

	if (MtmProcessExempt())
	{
		/* Sessions of other databases are exempt, too, but nothing is ours there. */
		if (MtmStatementMayChangeSchema(statement) && MtmInReplicatedDatabase())
			run_schema_change(call, NULL, false);
		else
			run(call);
	}
	else if (call->context == PROCESS_UTILITY_SUBCOMMAND)
		run(call);				/* part of a local statement */
	else if (XactReadOnly)
		run_read_only(call);
	else
		run_classified(call);
}

/* Its values may be needed before the statement ends: for the rows that it fills. */
static void
share_new_sequences(MtmSchemaFrame *frame)
{
	List	   *sequences = NIL;
	ListCell   *cell;
	MemoryContext old;

	CommandCounterIncrement();
	foreach(cell, frame->created)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_SEQUENCE)
			sequences = lappend_oid(sequences, lfirst_oid(cell));
	}
	MtmSequencesAfter(list_difference_oid(sequences, frame->shared), NIL);
	old = MemoryContextSwitchTo(frame->context);
	frame->shared = list_concat_unique_oid(frame->shared, sequences);
	MemoryContextSwitchTo(old);
}

/*
 * Within another statement. When that one's rows are sent, what code of users runs while
 * they are computed is not a part of it: peers do not compute.
 */
static void
run_inside(Call *call, MtmSchemaFrame *frame)
{
	if (!frame->rows_follow)
		run_part(call);
	else if (call->context == PROCESS_UTILITY_SUBCOMMAND)
	{
		run_part(call);
		if (IsA(call->pstmt->utilityStmt, CreateSeqStmt))
			share_new_sequences(frame);
	}
	else
	{
		frame->suspended_by = call;
		PG_TRY();
		{
			dispatch(call);
		}
		PG_FINALLY();
		{
			frame->suspended_by = NULL;
		}
		PG_END_TRY();
	}
}

/* The frame is entered. */
static void
call_in_frame(MtmSchemaFrame *frame, const char *function, void (*run_it) (void *), void *arg)
{
	PG_TRY();
	{
		run_it(arg);
		MtmSchemaFrameDone(frame);
	}
	PG_FINALLY();
	{
		MtmSchemaFrameLeave(frame);
	}
	PG_END_TRY();
	if (frame->content && frame->temporary_used)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("multimaster cannot call %s() on every node", function),
				 errdetail("It uses temporary objects, which exist on this node only.")));
	complete(frame, NULL, NIL);
}

/* Where it is called while rows are computed that will be sent, peers do not call it by that. */
void
MtmSchemaChangeCall(StringInfo content, const char *function, void (*run_it) (void *), void *arg)
{
	MtmSchemaFrame *computing = MtmSchemaFrameInside() ? MtmSchemaFrameCurrent() : NULL;
	MtmSchemaFrame frame;

	if (computing)
		computing->suspended_by = arg;
	PG_TRY();
	{
		MtmSchemaFrameEnter(&frame, content, 0);
		frame.function_call = true;
		call_in_frame(&frame, function, run_it, arg);
	}
	PG_FINALLY();
	{
		if (computing)
			computing->suspended_by = NULL;
	}
	PG_END_TRY();
}

void
MtmSchemaChangeUtility(ProcessUtility_hook_type next, PlannedStmt *pstmt,
					   const char *query_string, bool read_only_tree,
					   ProcessUtilityContext context, ParamListInfo params,
					   QueryEnvironment *query_env, DestReceiver *dest,
					   QueryCompletion *qc)
{
	Call		call = {next, pstmt, query_string, read_only_tree, context, params,
	query_env, dest, qc};

	if (!MtmConfigured())
		run(&call);
	else if (MtmSchemaFrameInside())
		run_inside(&call, MtmSchemaFrameCurrent());
	else
		dispatch(&call);
}
