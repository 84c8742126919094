/*
 * Hooks through which a schema change tells what it does.
 *
 * Runs in: every process; each hook costs a comparison while no schema change runs.
 * Path: backend/schema_change.c -> PostgreSQL -> here -> schema_change_frame.c
 *
 * object_access_hook: relations created, altered, dropped, truncated.
 * fmgr hooks: the calls of event triggers, to keep them apart from the statement.
 */
#include "postgres.h"

#include "backend/schema_change.h"
#include "backend/schema_change_frame.h"
#include "backend/schema_change_watch.h"
#include "catalog/index.h"
#include "catalog/objectaccess.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/evtcache.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

static object_access_hook_type previous_object_access = NULL;
static needs_fmgr_hook_type previous_needs_fmgr = NULL;
static fmgr_hook_type previous_fmgr = NULL;
static List **truncates = NULL;

List **
MtmWatchTruncates(List **tables)
{
	List	  **before = truncates;

	truncates = tables;
	return before;
}

static void
remember_object(MtmSchemaFrame *frame, Oid class, Oid id, int sub_id)
{
	ObjectAddress *object;

	if (!frame->content)
		return;
	object = palloc(sizeof(*object));
	ObjectAddressSubSet(*object, class, id, sub_id);
	frame->objects = lappend(frame->objects, object);
}

static void
watch(MtmSchemaFrame *frame, ObjectAccessType access, Oid class, Oid id, int sub_id)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	bool		relation = class == RelationRelationId;

	switch (access)
	{
		case OAT_POST_CREATE:
			if (relation && sub_id == 0)
				MtmSchemaFrameCreated(frame, id);
			remember_object(frame, class, id, sub_id);
			if (relation && sub_id == 0)
				frame->created = list_append_unique_oid(frame->created, id);
			else if (class == ConstraintRelationId)
				frame->constraints = lappend_oid(frame->constraints, id);
			break;
		case OAT_POST_ALTER:
			remember_object(frame, class, id, sub_id);
			if (relation)
				frame->altered = list_append_unique_oid(frame->altered, id);
			break;
		case OAT_DROP:
			if (relation && sub_id == 0 && get_rel_relkind(id) == RELKIND_INDEX)
				frame->altered = list_append_unique_oid(frame->altered,
														IndexGetRelation(id, true));
			break;
		default:
			break;
	}
	MemoryContextSwitchTo(old);
}

static void
on_object_access(ObjectAccessType access, Oid class, Oid id, int sub_id, void *arg)
{
	if (previous_object_access)
		previous_object_access(access, class, id, sub_id, arg);
	if (access == OAT_TRUNCATE && truncates)
	{
		MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

		*truncates = list_append_unique_oid(*truncates, id);
		MemoryContextSwitchTo(old);
	}
	if (MtmSchemaFrameInside())
		watch(MtmSchemaFrameCurrent(), access, class, id, sub_id);
}

/*---------------------------------------------------------------------------
 * Event triggers.
 */
static bool
is_event_trigger(Oid function)
{
	return get_func_rettype(function) == EVENT_TRIGGEROID;
}

static bool
needs_fmgr(Oid function)
{
	if (MtmSchemaFrameInside() && is_event_trigger(function))
		return true;
	return previous_needs_fmgr && previous_needs_fmgr(function);
}

static void
on_fmgr(FmgrHookEventType event, FmgrInfo *function, Datum *private)
{
	MtmSchemaFrame *frame = MtmSchemaFrameCurrent();

	/* after an error no catalog may be read, so the call is known by its address */
	if (event != FHET_START && frame && frame->suspended_by == function)
		MtmSchemaFrameResume(frame, event == FHET_ABORT);
	if (previous_fmgr)
		previous_fmgr(event, function, private);
	if (event == FHET_START && MtmSchemaFrameInside() && !frame->function_call &&
		is_event_trigger(function->fn_oid))
		MtmSchemaFrameSuspend(frame, function);
}

int
MtmCountStartTriggers(Node *statement)
{
	CommandTag	tag = CreateCommandTag(statement);
	ListCell   *cell;
	int			count = 0;

	if (!command_tag_event_trigger_ok(tag))
		return 0;
	foreach(cell, EventCacheLookup(EVT_DDLCommandStart))
	{
		EventTriggerCacheItem *item = lfirst(cell);
		bool		replica = SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA;

		if (item->enabled == (replica ? TRIGGER_FIRES_ON_ORIGIN : TRIGGER_FIRES_ON_REPLICA))
			continue;
		if (bms_is_empty(item->tagset) || bms_is_member(tag, item->tagset))
			count++;
	}
	return count;
}

void
MtmSchemaChangeInstallHooks(void)
{
	previous_object_access = object_access_hook;
	object_access_hook = on_object_access;
	previous_needs_fmgr = needs_fmgr_hook;
	needs_fmgr_hook = needs_fmgr;
	previous_fmgr = fmgr_hook;
	fmgr_hook = on_fmgr;
}
