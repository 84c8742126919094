/* Names of relations that the other nodes have given, and an index of this node alone has. */
#ifndef MTM_APPLY_LEFTOVER_NAMES_H
#define MTM_APPLY_LEFTOVER_NAMES_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/*
 * Before a statement of another node that is committed there: drops the indexes here that
 * have a name which it gives to a relation.
 */
extern void MtmLeftoverNamesFree(const Node *statement);

#endif
