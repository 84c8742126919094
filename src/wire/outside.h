/*
 * Statements that run outside of transactions, on one node after the other: CREATE and
 * DROP INDEX CONCURRENTLY, CREATE and DROP TABLESPACE, DETACH PARTITION CONCURRENTLY.
 *
 * What such a statement makes so is said by a plain one that needs nothing of the
 * client's session: CREATE INDEX with all names qualified, DROP INDEX IF EXISTS, ALTER
 * TABLE ... DETACH PARTITION. When
 * all online nodes have it, that text is committed as a schema change of the kind
 * `outside` (wire/schema_change.h): they find that it is so, or vote no; a node that
 * was away makes it so.
 */
#ifndef MTM_WIRE_OUTSIDE_H
#define MTM_WIRE_OUTSIDE_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/* A transaction that has done nothing yet and has no snapshot, so that nobody waits for it. */
extern void MtmOutsideBegin(void);

/* Qualified and quoted; an error when it is gone. */
extern char *MtmQualifiedName(Oid relation);
/* The plain statement that makes this index; the same text on all nodes. */
extern char *MtmIndexDefinition(Oid index);
/* That text, parsed: its names mean what they mean there, not what the client's search_path says. */
extern IndexStmt *MtmIndexAnalyze(Oid table, IndexStmt *statement, const char *text);
/* The index that the plain statement names, complete or not; invalid: there is none. */
extern Oid	MtmIndexOfStatement(const IndexStmt *statement);
/* Did somebody begin to build it, and not end? */
extern bool MtmIndexIsIncomplete(Oid index);
/* Of a partition and a partitioned table. */
typedef enum MtmPartitionState
{
	MTM_PARTITION_OTHER,		/* it is no partition of that one, or there is none */
	MTM_PARTITION_ATTACHED,
	MTM_PARTITION_DETACHING		/* DETACH CONCURRENTLY began, and did not end */
} MtmPartitionState;

extern MtmPartitionState MtmPartitionStateOf(Oid parent, Oid partition);
/* The two that the plain statement names, invalid where there is none, and their state. */
extern MtmPartitionState MtmPartitionOfStatement(const AlterTableStmt *detach, Oid *parent,
												 Oid *partition);
/* Of ALTER TABLE ... DETACH PARTITION. */
extern AlterTableCmd *MtmDetachCommand(const AlterTableStmt *detach);

/* Has this node what the plain statement makes? An index or a partition is locked until the commit then. */
extern bool MtmOutsideIsSo(Node *statement, const char *text);

#endif
