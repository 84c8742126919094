/*
 * What the running transaction wrote that other nodes must get; see written.h.
 *
 * Runs in: backends and background workers of other extensions.
 * Path: the executor -> here (a flag) -> backend/commit.c
 * Locks: none.
 *
 * A statement counts by the tables it may change, before it runs: a transaction
 * that then changed no row has no xid and commits locally.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "backend/replica_identity.h"
#include "backend/written.h"
#include "commands/dbcommands.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "settings.h"
#include "shmem/view.h"
#include "shmem/writers.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "wire/replicated.h"

typedef struct KnownRelation
{
	Oid			id;
	bool		valid;
	bool		replicated;
} KnownRelation;

static bool wrote_rows = false;
static bool wrote_schema = false;
static bool exempt = false;
static HTAB *known = NULL;
static ExecutorStart_hook_type next_executor_start = NULL;

void
MtmProcessSetExempt(void)
{
	exempt = true;
}

bool
MtmInReplicatedDatabase(void)
{
	static Oid	checked_database = InvalidOid;
	static bool replicated = false;

	if (!MtmConfigured() || !OidIsValid(MyDatabaseId))
		return false;
	if (checked_database != MyDatabaseId && IsTransactionState())
	{
		char	   *name = get_database_name(MyDatabaseId);

		replicated = name && strcmp(name, MtmDatabaseName()) == 0;
		checked_database = MyDatabaseId;
	}
	return checked_database == MyDatabaseId && replicated;
}

bool
MtmProcessExempt(void)
{
	return exempt || mtm_bypass || !MtmInReplicatedDatabase();
}

static void
forget_relation(Datum arg, Oid id)
{
	KnownRelation *entry;

	if (OidIsValid(id))
	{
		entry = hash_search(known, &id, HASH_FIND, NULL);
		if (entry)
			entry->valid = false;
	}
	else
	{
		HASH_SEQ_STATUS scan;

		hash_seq_init(&scan, known);
		while ((entry = hash_seq_search(&scan)) != NULL)
			entry->valid = false;
	}
}

bool
MtmRelationReplicated(Relation relation)
{
	Oid			id = RelationGetRelid(relation);
	KnownRelation *entry;
	bool		found;
	bool		replicated;

	if (!known)
	{
		HASHCTL		info;

		memset(&info, 0, sizeof(info));
		info.keysize = sizeof(Oid);
		info.entrysize = sizeof(KnownRelation);
		info.hcxt = CacheMemoryContext;
		known = hash_create("multimaster known relations", 64, &info,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	}
	entry = hash_search(known, &id, HASH_ENTER, &found);
	if (found && entry->valid)
		return entry->replicated;
	/* Valid from before the look-up: an invalidation during it counts. */
	entry->valid = true;
	replicated = MtmRelationIsReplicated(relation);
	entry = hash_search(known, &id, HASH_FIND, NULL);
	if (entry)
		entry->replicated = replicated;
	return replicated;
}

static void
must_be_online(void)
{
	MtmViewData view = MtmViewGet();

	if (view.status != MTM_ONLINE)
		ereport(ERROR,
				(errcode(ERRCODE_CANNOT_CONNECT_NOW),
				 errmsg("multimaster node is not online: current status %s",
						MtmStatusName(view.status)),
				 errhint("SELECT * FROM mtm.status() tells what it waits for; another node may take the write.")));
}

void
MtmWrittenRows(void)
{
	if (MtmProcessExempt())
		return;
	if (!wrote_rows && !wrote_schema)
		must_be_online();
	wrote_rows = true;
	MtmWriterNote(false);
}

void
MtmWrittenSchema(void)
{
	if (MtmProcessExempt())
		return;
	if (!wrote_rows && !wrote_schema)
		must_be_online();
	wrote_schema = true;
	MtmWriterNote(true);
}

bool
MtmWritten(void)
{
	return wrote_rows || wrote_schema;
}

bool
MtmWrittenHasSchema(void)
{
	return wrote_schema;
}

void
MtmWrittenReset(void)
{
	wrote_rows = false;
	wrote_schema = false;
}

static bool
has_row_changes(QueryDesc *query)
{
	return query->plannedstmt->resultRelations != NIL &&
		(query->operation != CMD_SELECT || query->plannedstmt->hasModifyingCTE);
}

/*
 * Look at the relations the plan may change. The executor has them open and
 * locked by now.
 */
static void
note_changed_relations(QueryDesc *query)
{
	ListCell   *cell;

	foreach(cell, query->plannedstmt->resultRelations)
	{
		RangeTblEntry *entry = list_nth(query->plannedstmt->rtable, lfirst_int(cell) - 1);
		Relation	relation = relation_open(entry->relid, NoLock);

		if (MtmRelationReplicated(relation))
		{
			MtmWrittenRows();
			if (query->operation == CMD_UPDATE || query->operation == CMD_DELETE ||
				query->operation == CMD_MERGE)
				MtmReplicaIdentityCheck(relation);
		}
		relation_close(relation, NoLock);
	}
}

static void
on_executor_start(QueryDesc *query, int eflags)
{
	if (next_executor_start)
		next_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);

	if (has_row_changes(query) && !(eflags & EXEC_FLAG_EXPLAIN_ONLY) &&
		!MtmProcessExempt())
		note_changed_relations(query);
}

void
MtmWrittenInstallHooks(void)
{
	next_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = on_executor_start;
}
