/*
 * Running another node's schema change.
 *
 * Runs in: apply workers, inside the transaction they apply.
 * Path: receiver/ -> apply/ -> here -> ProcessUtility -> backend/schema_change.c
 *
 * The statement runs as a part of another (PROCESS_UTILITY_SUBCOMMAND): so no event
 * trigger fires, not even one enabled ALWAYS; what those did on the origin is sent as
 * rows and statements of its own. Errors go to the caller and become this node's no.
 *
 * The text is never put where a log or a view would show it.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "apply/function_call.h"
#include "apply/leftover_names.h"
#include "apply/lock_wait.h"
#include "apply/outside.h"
#include "apply/schema_change.h"
#include "apply/without_rows.h"
#include "backend/detaching.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "replication/message.h"
#include "storage/proc.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "wire/computed_values.h"
#include "wire/frame.h"
#include "wire/schema_change.h"

#define LOCK_TIMEOUT_NAME "lock_timeout"

/* What the worker has to be again afterwards, whatever happens. */
typedef struct Identity
{
	Oid			session_user;
	bool		session_user_is_superuser;
	Oid			user;
	int			security_context;
	int			settings_level;
	TimestampTz transaction_start;
	TimestampTz statement_start;
} Identity;

/* So that now() is the same on all nodes: ADD COLUMN ... DEFAULT now(). */
static void
set_time(TimestampTz transaction_start, TimestampTz statement_start)
{
	int			worker = ParallelWorkerNumber;

	/* PostgreSQL lets only parallel workers take over another process's time */
	ParallelWorkerNumber = 0;
	SetParallelStartTimestamps(transaction_start, statement_start);
	ParallelWorkerNumber = worker;
}

/* What is decided must be done, however long that takes. */
static void
apply_settings(List *settings, bool decided)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		MtmSetting *setting = lfirst(cell);
		bool		lock_timeout = strcmp(setting->name, LOCK_TIMEOUT_NAME) == 0;

		if (lock_timeout && decided)
			continue;
		(void) set_config_option(setting->name, setting->value, PGC_SUSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
		if (lock_timeout)
			MtmLockWaitBegin(LockTimeout);
	}
}

/* It checks settings for later, which may be a role, and calls no code of users. */
static bool
keeps_settings(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterDatabaseSetStmt:
		case T_AlterFunctionStmt:
		case T_AlterRoleSetStmt:
		case T_CreateFunctionStmt:
			return true;
		default:
			return false;
	}
}

/*
 * The worker itself is authenticated as superuser, so code of a user that the
 * statement calls (a USING expression) could SET ROLE back to that. It cannot
 * within a security-definer function, and this looks like one. A superuser's
 * session could do so on the origin, too. The call of a function is restricted there as well
 * (backend/remote_calls.c).
 */
static int
security_context(Node *statement, Oid session_role)
{
	if (IsA(statement, SelectStmt))
		return SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION;
	if (superuser_arg(session_role) || keeps_settings(statement))
		return 0;
	return SECURITY_LOCAL_USERID_CHANGE;
}

static void
become(const MtmSchemaChange *change, Node *statement)
{
	Oid			role = get_role_oid(change->role, false);
	Oid			session_role = get_role_oid(change->session_role, false);

	set_time(change->transaction_start, change->statement_start);
	/* SetSessionAuthorization asserts that no security context is in force */
	SetUserIdAndSecContext(GetUserId(), 0);
	SetSessionAuthorization(session_role, superuser_arg(session_role));
	SetUserIdAndSecContext(role, security_context(statement, session_role));
}

static void
remember(Identity *before)
{
	before->session_user = GetSessionUserId();
	before->session_user_is_superuser = GetSessionUserIsSuperuser();
	GetUserIdAndSecContext(&before->user, &before->security_context);
	before->transaction_start = GetCurrentTransactionStartTimestamp();
	before->statement_start = GetCurrentStatementStartTimestamp();
	before->settings_level = NewGUCNestLevel();
}

/* Settings last: after an error the transaction's abort restores them. */
static void
become_again(const Identity *before, bool failed)
{
	SetUserIdAndSecContext(before->user, 0);
	SetSessionAuthorization(before->session_user, before->session_user_is_superuser);
	SetUserIdAndSecContext(before->user, before->security_context);
	set_time(before->transaction_start, before->statement_start);
	if (!failed)
		AtEOXact_GUC(false, before->settings_level);
}

static RawStmt *
parse(const char *text)
{
	List	   *parsed = pg_parse_query(text);

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a schema change holds %d statements", list_length(parsed))));
	return linitial_node(RawStmt, parsed);
}

/* Which one is free may differ from node to node. */
static void
set_index_name(Node *statement, const char *name)
{
	if (IsA(statement, IndexStmt) && name[0] != '\0')
		((IndexStmt *) statement)->idxname = unconstify(char *, name);
}

static void
run_statement(RawStmt *parsed, const char *text)
{
	List	   *queries;
	List	   *plans;
	QueryCompletion completion;

	PushActiveSnapshot(GetTransactionSnapshot());
	queries = pg_analyze_and_rewrite_fixedparams(parsed, text, NULL, 0, NULL);
	plans = pg_plan_queries(queries, text, 0, NULL);
	if (list_length(plans) != 1 ||
		linitial_node(PlannedStmt, plans)->commandType != CMD_UTILITY)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a schema change holds another kind of statement")));
	InitializeQueryCompletion(&completion);
	ProcessUtility(linitial_node(PlannedStmt, plans), text, false,
				   PROCESS_UTILITY_SUBCOMMAND, NULL, NULL, None_Receiver, &completion);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

/*
 * An index may be missing where a concurrent build was lost with the node that began it:
 * what it made has come to some nodes only, and to none by their WAL.
 */
static void
let_index_be_missing(Node *statement)
{
	if (IsA(statement, DropStmt) && ((DropStmt *) statement)->removeType == OBJECT_INDEX)
		((DropStmt *) statement)->missing_ok = true;
	else if (IsA(statement, RenameStmt) && ((RenameStmt *) statement)->renameType == OBJECT_INDEX)
		((RenameStmt *) statement)->missing_ok = true;
	else if (IsA(statement, AlterTableStmt) &&
			 ((AlterTableStmt *) statement)->objtype == OBJECT_INDEX)
		((AlterTableStmt *) statement)->missing_ok = true;
}

/* In this node's WAL, too: a node that comes back may read it from here. */
static void
log_for_recovery(StringInfo content)
{
	LogLogicalMessage(MTM_MESSAGE_SCHEMA, content->data + content->cursor,
					  content->len - content->cursor, true);
}

void
MtmApplySchemaChange(StringInfo content, bool decided)
{
	MtmSchemaChange change;
	Identity	before;
	MemoryContext context;
	MemoryContext old;
	volatile bool failed = true;

	context = AllocSetContextCreate(CurrentMemoryContext, "multimaster schema change",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	log_for_recovery(content);
	if (MtmSchemaChangeRead(content, &change))
	{
		remember(&before);
		PG_TRY();
		{
			RawStmt    *parsed;
			List	   *detaching = decided || change.outside ? NIL : MtmDetachingNow();

			apply_settings(change.settings, decided);	/* the parser asks some */
			parsed = MtmWithoutRowsStatement(parse(change.statement), change.rows_follow);
			set_index_name(parsed->stmt, change.index_name);
			if (decided)
				let_index_be_missing(parsed->stmt);
			MtmComputedValuesPut(parsed->stmt, change.values);
			become(&change, parsed->stmt);
			if (decided && !change.outside)
				MtmLeftoverNamesFree(parsed->stmt);
			if (change.rows_follow)
				MtmWithoutRowsRun(parsed, change.statement, run_statement);
			else if (IsA(parsed->stmt, SelectStmt))
				MtmApplyFunctionCall(parsed, change.statement);
			else if (!change.outside ||
					 MtmOutsideMustRun(parsed->stmt, change.statement, decided))
				run_statement(parsed, change.statement);
			if (!decided && !change.outside)
				MtmDetachingRefuse(detaching);
			failed = false;
		}
		PG_FINALLY();
		{
			become_again(&before, failed);
		}
		PG_END_TRY();
	}
	MtmLockWaitEnd();
	LogLogicalMessage(MTM_MESSAGE_SCHEMA_END, "", 0, true);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
