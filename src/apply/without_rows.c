/*
 * Another node's schema change that computes rows; see without_rows.h.
 *
 * Runs in: apply workers, the recovery process.
 * Path: apply/schema_change.c -> here
 * Locks: those of the statement. REFRESH MATERIALIZED VIEW CONCURRENTLY is nothing but its
 *        lock here: two of them on two nodes, which both compute the same new rows, must
 *        not both come to their end.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "apply/refill.h"
#include "apply/without_rows.h"
#include "catalog/namespace.h"
#include "commands/matview.h"
#include "commands/tablecmds.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

RawStmt *
MtmWithoutRowsStatement(RawStmt *parsed, bool rows_follow)
{
	/* EXPLAIN ANALYZE of it, which has nothing to explain here */
	if (IsA(parsed->stmt, ExplainStmt))
		parsed->stmt = ((ExplainStmt *) parsed->stmt)->query;
	if (!rows_follow)
		return parsed;
	if (IsA(parsed->stmt, CreateTableAsStmt))
		((CreateTableAsStmt *) parsed->stmt)->into->skipData = true;
	else if (IsA(parsed->stmt, RefreshMatViewStmt) &&
			 !((RefreshMatViewStmt *) parsed->stmt)->concurrent)
		((RefreshMatViewStmt *) parsed->stmt)->skipData = true;
	return parsed;
}

static void
set_populated(Oid id)
{
	Relation	view = table_open(id, NoLock);

	SetMatViewPopulatedState(view, true);
	table_close(view, NoLock);
}

/* Not the first of that name that is visible: pg_catalog would come before. */
static Oid
created(RangeVar *name)
{
	return get_relname_relid(name->relname, RangeVarGetCreationNamespace(name));
}

static void
alter_table(RawStmt *statement, const char *text,
			void (*run) (RawStmt *statement, const char *text))
{
	MtmRefillEmptyTables(true);
	PG_TRY();
	{
		run(statement, text);
	}
	PG_FINALLY();
	{
		MtmRefillEmptyTables(false);
	}
	PG_END_TRY();
}

static void
refresh(RawStmt *statement, const char *text,
		void (*run) (RawStmt *statement, const char *text))
{
	RefreshMatViewStmt *refresh = (RefreshMatViewStmt *) statement->stmt;

	if (refresh->concurrent)
	{
		(void) RangeVarGetRelidExtended(refresh->relation, ExclusiveLock, 0,
										RangeVarCallbackOwnsTable, NULL);
		return;
	}
	run(statement, text);
	set_populated(RangeVarGetRelid(refresh->relation, NoLock, false));
}

void
MtmWithoutRowsRun(RawStmt *statement, const char *text,
				  void (*run) (RawStmt *statement, const char *text))
{
	switch (nodeTag(statement->stmt))
	{
		case T_AlterTableStmt:
			alter_table(statement, text, run);
			break;
		case T_RefreshMatViewStmt:
			refresh(statement, text, run);
			break;
		case T_CreateTableAsStmt:
			{
				RangeVar   *name = copyObject(((CreateTableAsStmt *) statement->stmt)->into->rel);

				run(statement, text);
				set_populated(created(name));
				break;
			}
		default:
			run(statement, text);
			break;
	}
}
