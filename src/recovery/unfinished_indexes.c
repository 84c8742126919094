/*
 * Indexes that the others have, and whose statement never ended; see unfinished_indexes.h.
 *
 * Runs in: the recovery process.
 * Path: recovery/replay.c -> here -> apply/schema_change.c
 * Locks: those of CREATE INDEX.
 *
 * When the session of a concurrent build is lost before its last commit, the nodes that were
 * online may have the index, and use it (ADD CONSTRAINT ... USING INDEX). A node that was away
 * knows of it only by the row in mtm.unfinished_statements.
 */
#include "postgres.h"

#include "access/xact.h"
#include "apply/schema_change.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "recovery/unfinished_indexes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "wire/schema_change.h"

/* bytea */
static List *
read_contents(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *contents = NIL;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute("SELECT content FROM mtm.unfinished_statements", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read mtm.unfinished_statements");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1,
										  &isnull);
		MemoryContext spi = MemoryContextSwitchTo(context);

		contents = lappend(contents, DatumGetByteaPCopy(value));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	PopActiveSnapshot();
	return contents;
}

static bool
is_meant(StringInfo content, const char *message)
{
	MtmSchemaChange change;
	List	   *parsed;
	IndexStmt  *create;
	int			start = content->cursor;
	bool		readable = MtmSchemaChangeRead(content, &change);

	content->cursor = start;
	if (!readable || !change.outside)
		return false;
	parsed = raw_parser(change.statement, RAW_PARSE_DEFAULT);
	if (list_length(parsed) != 1)
		return false;
	create = (IndexStmt *) linitial_node(RawStmt, parsed)->stmt;
	return IsA(create, IndexStmt) &&
		strstr(message, psprintf("\"%s\"", create->idxname)) != NULL;
}

void
MtmUnfinishedIndexesBuild(const char *message)
{
	ListCell   *cell;

	foreach(cell, read_contents())
	{
		bytea	   *bytes = lfirst(cell);
		StringInfoData content;

		initStringInfo(&content);
		appendBinaryStringInfo(&content, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
		if (!is_meant(&content, message))
			continue;
		ereport(LOG,
				(errmsg("an index is built that other nodes made and that was not finished"),
				 errdetail("A statement did not find it: %s.", message)));
		MtmApplySchemaChange(&content, true);
	}
}
