/* Indexes that the others have, and whose statement never ended. */
#ifndef MTM_RECOVERY_UNFINISHED_INDEXES_H
#define MTM_RECOVERY_UNFINISHED_INDEXES_H

#include "postgres.h"

/*
 * In a transaction: builds those indexes of mtm.unfinished_statements that are named in
 * `message`, the error of somebody who did not find one.
 */
extern void MtmUnfinishedIndexesBuild(const char *message);

#endif
