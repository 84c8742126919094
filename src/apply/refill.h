/*
 * Rows that another node computed for a table: put where they belong without what an
 * insertion brings about (triggers, checks, foreign keys), for they are no new rows.
 *
 * Runs in: apply workers, the recovery process.
 */
#ifndef MTM_APPLY_REFILL_H
#define MTM_APPLY_REFILL_H

#include "apply/relation.h"

/* While on, a table whose rows ALTER TABLE is about to compute loses them before. */
extern void MtmRefillEmptyTables(bool on);
extern void MtmRefillInstallHooks(void);

/* When a transaction begins. */
extern void MtmRefillReset(void);
/* `target->row` is read. */
extern void MtmRefillInsert(MtmAppliedRelation *target);
/* Other changes follow. */
extern void MtmRefillEnd(void);

#endif
