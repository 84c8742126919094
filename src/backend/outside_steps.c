/*
 * Steps of a statement that runs outside of transactions; see outside_steps.h.
 *
 * Runs in: the client's backend.
 * Path: backend/outside_index.c and its like -> here -> backend/outside_session.c -> apply/outside.c
 *       on the nodes, one after the other; last WAL -> apply/schema_change.c
 * Locks: while another node is waited for, this backend has no lock and no snapshot: the
 *        others' concurrent builds wait for such.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "backend/outside_session.h"
#include "backend/outside_steps.h"
#include "backend/schema_change_content.h"
#include "backend/written.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "pgstat.h"
#include "replication/message.h"
#include "settings.h"
#include "storage/latch.h"
#include "superuser.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "wire/frame.h"
#include "wire/outside.h"

/* While the cluster changes, a commit of ours is tried so often. */
#define TRIES 20
#define AGAIN_MS 500

MtmOutsideChange *
MtmOutsideChangeMake(const char *command, const char *target, const char *text)
{
	MtmOutsideChange *change = palloc0(sizeof(*change));

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
	MtmSavedUser saved;

	saved = MtmBecomeSuperuser();
	SPI_connect();
	if (SPI_execute_with_args(query, count, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not write mtm.unfinished_statements");
	SPI_finish();
	MtmBecomeUser(saved);
}

static void
publish(void *argument)
{
	MtmOutsideChange *change = argument;
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
log_change(const MtmOutsideChange *change)
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
	const MtmOutsideChange *change = argument;
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

ErrorData *
MtmOutsideAttempt(void (*step) (void *), void *argument)
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
commit_surely(void (*step) (void *), MtmOutsideChange *change)
{
	for (int i = 1;; i++)
	{
		ErrorData  *error = MtmOutsideAttempt(step, change);

		if (!error)
			return;
		if (i >= TRIES || !passes_by(error))
			ReThrowError(error);
		wait_before_again();
	}
}

void
MtmOutsidePublish(MtmOutsideChange *change)
{
	commit_surely(publish, change);
}

void
MtmOutsideRecord(MtmOutsideChange *change)
{
	commit_surely(record, change);
}

/*---------------------------------------------------------------------------
 * On every node.
 */
static void
run_on_last(void *argument)
{
	const MtmOutsideChange *change = argument;

	MtmOutsideRunOn(change->last, change->command, change->target, change->id);
}

static bool
may_run_again(const MtmOutsideChange *change, const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_CANNOT_CONNECT_NOW ||
		(change->undoes && (passes_by(error) || is_loss(error)));
}

/*
 * What a lost node began is not undone there, but read by it when it comes back: the other
 * nodes need a moment to see that it is lost.
 */
static void
run_surely_on_last(MtmOutsideChange *change)
{
	for (int i = 1;; i++)
	{
		ErrorData  *error = MtmOutsideAttempt(run_on_last, change);

		if (!error || (change->undoes && !MTM_IN_SET(MtmViewGet().members, change->last)))
			return;
		if (i >= TRIES || !may_run_again(change, error))
			ReThrowError(error);
		wait_before_again();
	}
}

void
MtmOutsideRunOnNodes(MtmOutsideChange *change, MtmNodeSet nodes)
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

void
MtmOutsideRunOnOthers(MtmOutsideChange *change)
{
	MtmOutsideRunOnNodes(change, ~MTM_NODE_BIT(mtm_node_id));
}

void
MtmOutsideMakeSoOnOthers(void *argument)
{
	MtmOutsideChange *change = argument;

	MtmOutsidePublish(change);
	MtmOutsideRunOnOthers(change);
	MtmOutsideRecord(change);
}

void
MtmOutsideMakeSoEverywhere(void *argument)
{
	MtmOutsideChange *change = argument;

	MtmOutsidePublish(change);
	MtmOutsideRunOnNodes(change, ~UINT64CONST(0));
	MtmOutsideRecord(change);
}

void
MtmOutsideRunHere(void *argument)
{
	const MtmOutsideClient *statement = argument;

	PushActiveSnapshot(GetTransactionSnapshot());
	statement->run(statement->call);
	MtmOutsideBegin();
}

/*---------------------------------------------------------------------------
 * After a failure.
 */
typedef struct Undo
{
	MtmOutsideChange *change;
	MtmNodeSet	nodes;
} Undo;

static void
run_undo(void *argument)
{
	const Undo *undo = argument;

	MtmOutsideRunOnNodes(undo->change, undo->nodes);
}

/* On all of them, whatever one says. */
static void
undo_on(void *argument)
{
	Undo	   *undo = argument;
	ErrorData  *first = NULL;
	ErrorData  *error;

	MtmOutsidePublish(undo->change);
	while ((error = MtmOutsideAttempt(run_undo, undo)) != NULL)
	{
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		if (!first)
			first = error;
	}
	if (first)
		ReThrowError(first);
	MtmOutsideRecord(undo->change);
}

/* Something else has the name on the last node that was tried, maybe on more: it stays. */
static bool
name_is_taken(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_DUPLICATE_TABLE ||
		error->sqlerrcode == ERRCODE_DUPLICATE_OBJECT;
}

void
MtmOutsideUndoAndThrow(ErrorData *error, const MtmOutsideChange *failed, const char *undo_text)
{
	Undo		undo = {
		.change = MtmOutsideChangeMake(failed->command, failed->target, undo_text),
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
	again = MtmOutsideAttempt(undo_on, &undo);
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
