/* Updating a row that was found and not locked; see update_row.c. */
#ifndef MTM_UPDATE_ROW_H
#define MTM_UPDATE_ROW_H

#include "apply/relation.h"

/* False: triggers, or the way the row is found, want it locked first. */
extern bool MtmUpdatesUnlocked(const MtmAppliedRelation *target);
/* The row `found` becomes `row`. False: somebody changed it first, look for it again. */
extern bool MtmUpdateRow(MtmAppliedRelation *target);

#endif
