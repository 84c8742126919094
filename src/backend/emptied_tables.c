/*
 * Temporary tables with ON COMMIT DELETE ROWS, in a transaction that is prepared and
 * then rolled back.
 *
 * Runs in: backends.
 * Path: backend/utility.c (creation) and the object access hook -> here
 *       <- backend/temp_tables.c
 * Locks: none.
 *
 * PREPARE is a commit to PostgreSQL's private list of what ON COMMIT asks: a table
 * that the transaction dropped is taken off it. When a peer refuses the transaction the
 * table is there again, and would keep its rows from then on. So we remember which
 * tables of the session are such ones, and put those on the list again.
 */
#include "postgres.h"

#include "backend/emptied_tables.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Of this session; of those: made and dropped in this transaction. */
static List *emptied = NIL;
static List *made = NIL;
static List *dropped = NIL;
static bool creating_emptied = false;
static object_access_hook_type next_object_access = NULL;

bool
MtmEmptiedTablesCreating(bool creating)
{
	bool		before = creating_emptied;

	creating_emptied = creating;
	return before;
}

bool
MtmCreatesEmptiedTable(Node *statement)
{
	if (IsA(statement, CreateStmt))
		return ((CreateStmt *) statement)->oncommit == ONCOMMIT_DELETE_ROWS;
	if (IsA(statement, CreateTableAsStmt))
		return ((CreateTableAsStmt *) statement)->into->onCommit == ONCOMMIT_DELETE_ROWS;
	return false;
}

static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
				 void *argument)
{
	MemoryContext old;

	if (next_object_access)
		next_object_access(access, class_id, object_id, sub_id, argument);
	if (class_id != RelationRelationId || sub_id != 0)
		return;

	old = MemoryContextSwitchTo(TopMemoryContext);
	if (access == OAT_POST_CREATE && creating_emptied)
	{
		emptied = lappend_oid(emptied, object_id);
		made = lappend_oid(made, object_id);
	}
	else if (access == OAT_DROP && list_member_oid(emptied, object_id))
		dropped = lappend_oid(dropped, object_id);
	MemoryContextSwitchTo(old);
}

void
MtmEmptiedTablesRestore(void)
{
	ListCell   *cell;

	/* Also created with a table: its indexes and TOAST, which go with it. */
	foreach(cell, dropped)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_RELATION)
			register_on_commit_action(lfirst_oid(cell), ONCOMMIT_DELETE_ROWS);
	}
}

static void
take_off(List **gone)
{
	ListCell   *cell;

	foreach(cell, *gone)
		emptied = list_delete_oid(emptied, lfirst_oid(cell));
	list_free(*gone);
	*gone = NIL;
}

void
MtmEmptiedTablesForget(bool committed)
{
	take_off(committed ? &dropped : &made);
	list_free(committed ? made : dropped);
	made = NIL;
	dropped = NIL;
}

void
MtmEmptiedTablesInstallHooks(void)
{
	next_object_access = object_access_hook;
	object_access_hook = on_object_access;
}
