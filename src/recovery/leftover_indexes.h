/* Indexes that this node has and the others have not. */
#ifndef MTM_RECOVERY_LEFTOVER_INDEXES_H
#define MTM_RECOVERY_LEFTOVER_INDEXES_H

#include "postgres.h"

/*
 * A transaction that is committed on other nodes failed here with `error`, while a row of
 * `table` was put in; invalid: no row. Drops what concurrent builds left here that may be
 * why. Not in a transaction; raises nothing.
 */
extern void MtmLeftoverIndexesDrop(const ErrorData *error, Oid table);

#endif
