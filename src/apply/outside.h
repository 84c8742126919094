/* Statements outside of transactions, where another node asks for them (wire/outside.h). */
#ifndef MTM_APPLY_OUTSIDE_H
#define MTM_APPLY_OUTSIDE_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/*
 * A change of the kind `outside` in a transaction of another node. Where it is not so it is
 * an error, unless it is `decided`: then it is made so, here or, when this returns true, by
 * the plain statement.
 */
extern bool MtmOutsideMustRun(Node *statement, const char *text, bool decided);

/* In the running transaction. */
extern void MtmOutsideDropHere(Oid index);

#endif
