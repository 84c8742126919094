/*
 * Steps of a statement that runs outside of transactions: what it makes so is published, made so
 * on the nodes, and recorded; or undone.
 */
#ifndef MTM_BACKEND_OUTSIDE_STEPS_H
#define MTM_BACKEND_OUTSIDE_STEPS_H

#include "postgres.h"
#include "backend/outside.h"
#include "lib/stringinfo.h"
#include "nodes/nodes.h"
#include "shmem/view.h"

/* What is to be so on all nodes. */
typedef struct MtmOutsideChange
{
	const char *command;		/* for errors */
	const char *target;
	const char *text;			/* the plain statement */
	Node	   *parsed;
	StringInfo	content;
	char	   *id;
	MtmNodeSet	tried;			/* where it was begun, */
	int			last;			/* the last of them */
	bool		undoes;			/* another one that failed */
	bool		forget;			/* it is not so on all nodes: nothing is recorded */
} MtmOutsideChange;

/* The client's statement. */
typedef struct MtmOutsideClient
{
	Node	   *node;
	const char *text;
	const char *command;
	MtmRunHere	run;
	const void *call;
} MtmOutsideClient;

extern MtmOutsideChange *MtmOutsideChangeMake(const char *command, const char *target,
											  const char *text);

/* A commit on all nodes puts it into mtm.unfinished_statements. */
extern void MtmOutsidePublish(MtmOutsideChange *change);
/* A commit on all nodes: the row goes, and what is so now is a schema change. */
extern void MtmOutsideRecord(MtmOutsideChange *change);
/* On these, of those that are online; one that comes back meanwhile, too. */
extern void MtmOutsideRunOnNodes(MtmOutsideChange *change, MtmNodeSet nodes);
extern void MtmOutsideRunOnOthers(MtmOutsideChange *change);
/* Published, run and recorded. */
extern void MtmOutsideMakeSoOnOthers(void *change);
extern void MtmOutsideMakeSoEverywhere(void *change);
/* The client's own statement, as PostgreSQL runs it. */
extern void MtmOutsideRunHere(void *statement);

/* NULL, or the error with which it failed, when its transaction has been rolled back. */
extern ErrorData *MtmOutsideAttempt(void (*step) (void *), void *argument);
/*
 * What `failed` began is undone where it was begun; the error then says whether that
 * succeeded. Of a commit whose outcome is open nothing is undone.
 */
extern void MtmOutsideUndoAndThrow(ErrorData *error, const MtmOutsideChange *failed,
								   const char *undo_text) pg_attribute_noreturn();

#endif
