/*
 * CREATE INDEX CONCURRENTLY and DROP INDEX CONCURRENTLY; see outside.c.
 *
 * Runs in: the client's backend.
 * Path: backend/outside.c -> here -> backend/outside_steps.c
 * Locks: outside_session.h
 */
#include "postgres.h"

#include "backend/outside_kinds.h"
#include "backend/outside_session.h"
#include "backend/outside_steps.h"
#include "backend/schema_change_frame.h"
#include "backend/schema_change_watch.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "wire/outside.h"

#define START_TRIGGER_HINT "Use ddl_command_end."

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
drop_incomplete(const MtmOutsideClient *statement, Oid index)
{
	const char *name = MtmQualifiedName(index);

	if (!pg_class_ownercheck(index, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(index));
	MtmOutsideMakeSoEverywhere(MtmOutsideChangeMake(statement->command, index_target(name),
													drop_text(name)));
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
explain_refusal(const MtmOutsideClient *statement, ErrorData *error)
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
create_here(MtmOutsideClient *statement)
{
	MtmSchemaFrame frame;
	ErrorData  *error;
	Oid			index;

	MtmSchemaFrameEnter(&frame, NULL, 0);
	error = MtmOutsideAttempt(MtmOutsideRunHere, statement);
	MtmSchemaFrameLeave(&frame);
	index = made_index(&frame);
	if (error && OidIsValid(index))
	{
		const char *name = MtmQualifiedName(index);
		MtmOutsideChange		failed = {.command = statement->command,.target = index_target(name)};

		MtmOutsideUndoAndThrow(error, &failed, drop_text(name));
	}
	if (error)
	{
		explain_refusal(statement, error);
		ReThrowError(error);
	}
	return index;
}

static Oid
lock_named(const MtmOutsideClient *statement, IndexStmt *create)
{
	Oid			table = RangeVarGetRelid(create->relation, NoLock, true);

	if (!create->idxname || !OidIsValid(table))
		return InvalidOid;
	MtmOutsideLock(index_target(quote_qualified_identifier(
		get_namespace_name(get_rel_namespace(table)), create->idxname)));
	return MtmIndexOfStatement(create);
}

void
MtmOutsideCreateIndex(MtmOutsideClient *statement)
{
	IndexStmt  *create = (IndexStmt *) statement->node;
	Oid			before = lock_named(statement, create);
	Oid			index;
	ErrorData  *error;
	const char *name;
	MtmOutsideChange *change;

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
	change = MtmOutsideChangeMake(statement->command, index_target(name),
								  MtmIndexDefinition(OidIsValid(index) ? index : before));
	error = MtmOutsideAttempt(MtmOutsideMakeSoOnOthers, change);
	if (error && OidIsValid(index))
		MtmOutsideUndoAndThrow(error, change, drop_text(name));
	if (error)
		ReThrowError(error);
}

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

void
MtmOutsideDropIndex(MtmOutsideClient *statement)
{
	DropStmt   *drop = (DropStmt *) statement->node;
	RangeVar   *relation = makeRangeVarFromNameList(linitial(drop->objects));
	Oid			index = RangeVarGetRelid(relation, NoLock, true);
	const char *name = name_to_drop(relation, index);
	MtmOutsideChange *change;

	if (list_length(drop->objects) != 1 || refused_here(drop, index) || !name)
	{
		MtmOutsideRunHere(statement);
		return;
	}
	if (MtmCountStartTriggers(statement->node) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("multimaster does not support %s with event triggers on ddl_command_start",
						statement->command),
				 errdetail("They would fire when the other nodes have dropped the index."),
				 errhint(START_TRIGGER_HINT)));
	change = MtmOutsideChangeMake(statement->command, index_target(name), drop_text(name));
	MtmOutsideLock(change->target);
	MtmOutsidePublish(change);
	MtmOutsideRunOnOthers(change);
	MtmOutsideRunHere(statement);
	MtmOutsideRecord(change);
}
