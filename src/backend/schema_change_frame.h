/*
 * The outermost schema change that runs now, with all that runs inside it: what it
 * logs, what it touched.
 *
 * A frame lives on the stack of the function that runs the statement and is left on
 * success and error alike, so nothing of it outlives an error, a ROLLBACK TO or an
 * exception block.
 */
#ifndef MTM_BACKEND_SCHEMA_CHANGE_FRAME_H
#define MTM_BACKEND_SCHEMA_CHANGE_FRAME_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

typedef StringInfo (*MtmDescribeRelation) (Oid relation, const void *statement);

typedef struct MtmSchemaFrame
{
	struct MtmSchemaFrame *outer;
	StringInfo	content;		/* to log (wire/schema_change.h); NULL: nothing, or not yet */
	MtmDescribeRelation describe;	/* gives the content when the relation is created */
	const void *described_by;	/* its argument */
	bool		rows_follow;	/* what it computes is sent as rows */
	bool		function_call;	/* event triggers that fire within are a part of it */
	int			start_triggers; /* that run before the statement: it is logged after them */
	bool		logged;
	const void *suspended_by;	/* code of a user that runs: not part of the statement */
	bool		temporary_used; /* the statement opened a temporary relation */
	bool		temporary_before;	/* others in the transaction did */
	MemoryContext context;		/* of the lists */
	List	   *created;		/* relations (Oid) */
	List	   *shared;			/* of those: sequences that have got this node's share */
	List	   *constraints;	/* created (Oid) */
	List	   *altered;		/* relations, and tables of dropped indexes (Oid) */
	List	   *stepped;		/* sequences that were given another increment (Oid), */
	List	   *renumbered;		/* and those that go on, with other values than before (Oid) */
	List	   *objects;		/* all that it created or altered (ObjectAddress) */
} MtmSchemaFrame;

extern void MtmSchemaFrameEnter(MtmSchemaFrame *frame, StringInfo content,
								int start_triggers);
/* Of a statement that is logged when it creates its relation. */
extern void MtmSchemaFrameEnterDescribed(MtmSchemaFrame *frame, MtmDescribeRelation describe,
										 const void *statement);
extern void MtmSchemaFrameCreated(MtmSchemaFrame *frame, Oid relation);
/* The statement succeeded: closes its bracket. */
extern void MtmSchemaFrameDone(MtmSchemaFrame *frame);
/* Always, last. */
extern void MtmSchemaFrameLeave(MtmSchemaFrame *frame);

extern MtmSchemaFrame *MtmSchemaFrameCurrent(void);
/* Is what runs now a part of a schema change? */
extern bool MtmSchemaFrameInside(void);
/* Are rows that are written now hidden from peers, which write them by the statement? */
extern bool MtmSchemaFrameHidesRows(void);

/* Around an event trigger of a user that the statement calls. */
extern void MtmSchemaFrameSuspend(MtmSchemaFrame *frame, const void *code);
extern void MtmSchemaFrameResume(MtmSchemaFrame *frame, bool failed);

#endif
