/* DETACH PARTITION CONCURRENTLY of another node (wire/outside.h). */
#ifndef MTM_APPLY_DETACH_H
#define MTM_APPLY_DETACH_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/* In a session of its own: begins it, or goes on where a former try stopped. Nothing when it is so. */
extern void MtmDetachConcurrently(AlterTableStmt *detach, const char *text);

/*
 * Inside a transaction: makes of the plain statement one that leaves here what the concurrent
 * one left on other nodes.
 */
extern void MtmDetachPrepare(AlterTableStmt *detach);

#endif
