/*
 * The outermost schema change that runs now; see schema_change_frame.h.
 *
 * Runs in: backends; in apply workers without logging.
 * Path: backend/schema_change.c -> here -> WAL -> sender/plugin.c
 *
 * The bracket MTM_MESSAGE_SCHEMA ... MTM_MESSAGE_SCHEMA_END holds the rows that the
 * statement itself writes: peers write them by running it. Event triggers of users
 * fire on this node only, so what they do lies outside of the bracket: it is closed
 * before each and opened again after it. Those of ddl_command_start come before the
 * statement, for peers too.
 *
 * When the statement's rows are sent, nothing in the bracket is hidden, and code of users
 * that computes them runs here only: statements of the schema in it have brackets of
 * their own, within this one (schema_change.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/schema_change_frame.h"
#include "replication/message.h"
#include "wire/frame.h"
#include "wire/schema_change.h"

static MtmSchemaFrame *current = NULL;

static void
log_message(const char *prefix, const char *data, int size)
{
	LogLogicalMessage(prefix, data, size, true);
}

static void
log_statement(MtmSchemaFrame *frame)
{
	log_message(MTM_MESSAGE_SCHEMA, frame->content->data, frame->content->len);
	frame->logged = true;
	frame->rows_follow = !MtmSchemaChangeHidesRows(frame->content->data, frame->content->len);
}

static void
clear_temporary_flag(void)
{
	MyXactFlags &= ~XACT_FLAGS_ACCESSEDTEMPNAMESPACE;
}

static bool
temporary_flag(void)
{
	return (MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0;
}

static void
restore_temporary_flag(MtmSchemaFrame *frame)
{
	if (frame->temporary_before || frame->temporary_used)
		MyXactFlags |= XACT_FLAGS_ACCESSEDTEMPNAMESPACE;
}

void
MtmSchemaFrameEnter(MtmSchemaFrame *frame, StringInfo content, int start_triggers)
{
	memset(frame, 0, sizeof(*frame));
	frame->outer = current;
	frame->content = content;
	frame->start_triggers = start_triggers;
	frame->context = CurrentMemoryContext;
	frame->temporary_before = temporary_flag();
	if (content && start_triggers == 0)
		log_statement(frame);
	clear_temporary_flag();
	current = frame;
}

void
MtmSchemaFrameEnterDescribed(MtmSchemaFrame *frame, MtmDescribeRelation describe,
							 const void *statement)
{
	MtmSchemaFrameEnter(frame, NULL, 0);
	frame->describe = describe;
	frame->described_by = statement;
}

void
MtmSchemaFrameCreated(MtmSchemaFrame *frame, Oid relation)
{
	if (!frame->describe || frame->logged)
		return;
	frame->content = frame->describe(relation, frame->described_by);
	log_statement(frame);
}

void
MtmSchemaFrameDone(MtmSchemaFrame *frame)
{
	frame->temporary_used |= temporary_flag();
	if (!frame->content)
		return;
	if (!frame->logged)			/* the expected triggers did not fire */
		log_statement(frame);
	log_message(MTM_MESSAGE_SCHEMA_END, "", 0);
}

void
MtmSchemaFrameLeave(MtmSchemaFrame *frame)
{
	frame->temporary_used |= temporary_flag();
	restore_temporary_flag(frame);
	current = frame->outer;
}

MtmSchemaFrame *
MtmSchemaFrameCurrent(void)
{
	return current;
}

bool
MtmSchemaFrameInside(void)
{
	return current && !current->suspended_by;
}

bool
MtmSchemaFrameHidesRows(void)
{
	return MtmSchemaFrameInside() && !current->rows_follow;
}

void
MtmSchemaFrameSuspend(MtmSchemaFrame *frame, const void *code)
{
	frame->suspended_by = code;
	frame->temporary_used |= temporary_flag();
	restore_temporary_flag(frame);
	if (frame->logged && !frame->rows_follow)
		log_message(MTM_MESSAGE_SCHEMA_END, "", 0);
}

void
MtmSchemaFrameResume(MtmSchemaFrame *frame, bool failed)
{
	frame->suspended_by = NULL;
	frame->temporary_before |= temporary_flag();
	clear_temporary_flag();
	if (failed || !frame->content)
		return;
	if (frame->logged)
	{
		if (!frame->rows_follow)
			log_message(MTM_MESSAGE_SCHEMA, "", 0);
	}
	else if (--frame->start_triggers == 0)
		log_statement(frame);
}
