/*
 * mtm.shell_pull_rows(): replace the rows of a table here by those of another node.
 *
 * Runs in: the session that copies a table, on the node that gets the rows.
 * Path: ts-src/shell/serve_copy.ts -> here <- a cursor in a session on the other node
 * Locks: none of its own; the caller has the table locked on both nodes.
 *
 * The rows are those of a table that is replicated: other nodes have them. So nothing is
 * sent on (DoNotReplicateId), no trigger fires, and nothing but the table is written. What
 * runs for a row all the same (expressions of indexes and of columns) runs with the
 * rights of the table's owner, as when rows of other nodes are applied.
 *
 * The cursor is read block by block, so memory is bounded by a block: its rows are as many
 * as the last block's rows were small.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "monitor/peer_sessions.h"
#include "monitor/shell_access.h"
#include "replication/origin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mtm_shell_pull_rows);

#define BLOCK_BYTES (4 * 1024 * 1024)
#define MOST_ROWS 2000

typedef struct Column
{
	int			index;			/* in the tuple */
	FmgrInfo	input;
	Oid			parameter;
	int32		modifier;
} Column;

static void
delete_rows(Relation relation)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(relation, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		simple_table_tuple_delete(relation, &slot->tts_tid, snapshot);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	CommandCounterIncrement();
}

static Column *
columns_of(Relation relation, ArrayType *names, int *count)
{
	Datum	   *values;
	bool	   *nulls;
	Column	   *columns;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
	columns = palloc(sizeof(Column) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		char	   *name = TextDatumGetCString(values[i]);
		AttrNumber	number = get_attnum(RelationGetRelid(relation), name);
		Form_pg_attribute attribute;
		Oid			function;

		if (number <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" has no column \"%s\"",
							RelationGetRelationName(relation), name)));
		attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);
		columns[i].index = number - 1;
		/* A domain's constraints were met when it was written; NOT VALID ones need not be now. */
		columns[i].modifier = attribute->atttypmod;
		getTypeInputInfo(getBaseTypeAndTypmod(attribute->atttypid, &columns[i].modifier),
						 &function, &columns[i].parameter);
		fmgr_info(function, &columns[i].input);
	}
	return columns;
}

static void
fill(TupleTableSlot *slot, Oid table, PGresult *block, int row, Column *columns, int count)
{
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < count; i++)
	{
		Column	   *column = &columns[i];
		bool		isnull = PQgetisnull(block, row, i);

		if (!isnull)
			slot->tts_values[column->index] =
				InputFunctionCall(&column->input, PQgetvalue(block, row, i),
								  column->parameter, column->modifier);
		slot->tts_isnull[column->index] = isnull;
	}
	ExecStoreVirtualTuple(slot);
	/* Generated columns may ask for it. */
	slot->tts_tableOid = table;
}

static int64
bytes_of(PGresult *block, int columns)
{
	int64		bytes = 0;

	for (int row = 0; row < PQntuples(block); row++)
	{
		for (int i = 0; i < columns; i++)
			bytes += PQgetlength(block, row, i);
	}
	return bytes;
}

static PGresult *
next_block(int node_id, const char *cursor, int rows)
{
	MtmSessionSend(node_id, psprintf("FETCH FORWARD %d FROM %s", rows,
									 quote_identifier(cursor)));
	return MtmSessionFetch(node_id);
}

static EState *
open_for_insert(Relation relation, ResultRelInfo *result)
{
	EState	   *estate = CreateExecutorState();
	RangeTblEntry *entry = makeNode(RangeTblEntry);

	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(relation);
	entry->relkind = relation->rd_rel->relkind;
	entry->rellockmode = ExclusiveLock;
	ExecInitRangeTable(estate, list_make1(entry));
	InitResultRelInfo(result, relation, 1, NULL, 0);
	result->ri_TrigDesc = NULL;
	estate->es_output_cid = GetCurrentCommandId(true);
	ExecOpenIndices(result, false);
	return estate;
}

/* No checks, which may be NOT VALID: the rows are those of another node. */
static void
insert_row(ResultRelInfo *result, EState *estate, TupleTableSlot *slot)
{
	Relation	relation = result->ri_RelationDesc;
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (constraints && constraints->has_generated_stored)
		ExecComputeStoredGenerated(result, estate, slot, CMD_INSERT);
	simple_table_tuple_insert(relation, slot);
	if (result->ri_NumIndices > 0)
		list_free(ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL));
}

static int64
insert_rows(Relation relation, ArrayType *names, int node_id, const char *cursor)
{
	ResultRelInfo *result = makeNode(ResultRelInfo);
	EState	   *estate = open_for_insert(relation, result);
	TupleTableSlot *slot = ExecInitExtraTupleSlot(estate, RelationGetDescr(relation),
												  &TTSOpsVirtual);
	int			count;
	Column	   *columns = columns_of(relation, names, &count);
	int			rows = 100;
	int64		inserted = 0;
	bool		more = true;

	while (more)
	{
		PGresult   *block = next_block(node_id, cursor, rows);

		PG_TRY();
		{
			for (int row = 0; row < PQntuples(block); row++)
			{
				MemoryContext old;

				CHECK_FOR_INTERRUPTS();
				old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
				fill(slot, RelationGetRelid(relation), block, row, columns, count);
				insert_row(result, estate, slot);
				MemoryContextSwitchTo(old);
				ResetPerTupleExprContext(estate);
			}
			more = PQntuples(block) == rows;
			inserted += PQntuples(block);
			if (more)
				rows = Max(1, Min(MOST_ROWS, (int64) rows * BLOCK_BYTES /
								  Max(bytes_of(block, count), 1)));
		}
		PG_FINALLY();
		{
			PQclear(block);
		}
		PG_END_TRY();
	}
	ExecCloseIndices(result);
	ExecResetTupleTable(estate->es_tupleTable, false);
	FreeExecutorState(estate);
	return inserted;
}

static int64
replace_rows(Relation relation, ArrayType *names, int node_id, const char *cursor)
{
	Oid			user;
	int			context;
	int			settings = NewGUCNestLevel();
	int64		inserted;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(relation->rd_rel->relowner,
						   context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	delete_rows(relation);
	inserted = insert_rows(relation, names, node_id, cursor);
	AtEOXact_GUC(false, settings);
	SetUserIdAndSecContext(user, context);
	CommandCounterIncrement();
	return inserted;
}

Datum
mtm_shell_pull_rows(PG_FUNCTION_ARGS)
{
	Oid			table = PG_GETARG_OID(0);
	ArrayType  *names = PG_GETARG_ARRAYTYPE_P(1);
	int			node_id = PG_GETARG_INT32(2);
	char	   *cursor = text_to_cstring(PG_GETARG_TEXT_PP(3));
	RepOriginId origin = replorigin_session_origin;
	Relation	relation;
	volatile int64 inserted = 0;

	MtmShellRequireSuperuser();
	relation = table_open(table, RowExclusiveLock);
	if (relation->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation))));
	replorigin_session_origin = DoNotReplicateId;
	PG_TRY();
	{
		inserted = replace_rows(relation, names, node_id, cursor);
	}
	PG_FINALLY();
	{
		replorigin_session_origin = origin;
	}
	PG_END_TRY();
	table_close(relation, NoLock);
	PG_RETURN_INT64(inserted);
}
