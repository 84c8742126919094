/*
 * The table that CREATE TABLE AS has just created, as a statement that creates it empty.
 *
 * Runs in: backends.
 * Path: backend/schema_change.c, when the table is created -> here
 * Locks: none.
 *
 * Peers are told the columns that came out, not the query: it may be a prepared statement
 * of this session, have parameters of a function, or read temporary tables. All names are
 * qualified. What the statement does not say comes from the settings that are sent with it
 * (default_tablespace, default_table_access_method).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "backend/created_table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static void
add_collation(StringInfo text, Oid collation)
{
	HeapTuple	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	Form_pg_collation form;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("collation with OID %u does not exist", collation)));
	form = (Form_pg_collation) GETSTRUCT(tuple);
	appendStringInfo(text, " COLLATE %s",
					 quote_qualified_identifier(get_namespace_name(form->collnamespace),
												NameStr(form->collname)));
	ReleaseSysCache(tuple);
}

static void
add_column(StringInfo text, Form_pg_attribute column)
{
	appendStringInfo(text, "%s %s", quote_identifier(NameStr(column->attname)),
					 format_type_extended(column->atttypid, column->atttypmod,
										  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	if (OidIsValid(column->attcollation) &&
		column->attcollation != get_typcollation(column->atttypid))
		add_collation(text, column->attcollation);
}

static void
add_option(StringInfo text, DefElem *option)
{
	if (option->defnamespace)
		appendStringInfo(text, "%s.", quote_identifier(option->defnamespace));
	appendStringInfoString(text, quote_identifier(option->defname));
	if (option->arg)
		appendStringInfo(text, " = %s", quote_literal_cstr(defGetString(option)));
}

char *
MtmCreatedTableText(Relation table, const IntoClause *into)
{
	StringInfoData text;
	TupleDesc	desc = RelationGetDescr(table);
	ListCell   *cell;

	initStringInfo(&text);
	appendStringInfo(&text, "CREATE %sTABLE %s (",
					 table->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED ? "UNLOGGED " : "",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
												RelationGetRelationName(table)));
	for (int i = 0; i < desc->natts; i++)
	{
		if (i > 0)
			appendStringInfoString(&text, ", ");
		add_column(&text, TupleDescAttr(desc, i));
	}
	appendStringInfoChar(&text, ')');
	if (into->accessMethod)
		appendStringInfo(&text, " USING %s", quote_identifier(into->accessMethod));
	foreach(cell, into->options)
	{
		appendStringInfoString(&text, cell == list_head(into->options) ? " WITH (" : ", ");
		add_option(&text, lfirst(cell));
	}
	if (into->options != NIL)
		appendStringInfoChar(&text, ')');
	if (into->tableSpaceName)
		appendStringInfo(&text, " TABLESPACE %s", quote_identifier(into->tableSpaceName));
	return text.data;
}
