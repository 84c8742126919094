/*
 * Another node's schema change that computes rows: run here without computing any, as
 * the rows are sent (wire/schema_change.h, "rows follow").
 *
 * Runs in: apply workers, the recovery process.
 */
#ifndef MTM_APPLY_WITHOUT_ROWS_H
#define MTM_APPLY_WITHOUT_ROWS_H

#include "nodes/parsenodes.h"

/* The statement to run, which may be a part of this one. */
extern RawStmt *MtmWithoutRowsStatement(RawStmt *parsed, bool rows_follow);
/* Runs it by `run`, with what belongs before and after. */
extern void MtmWithoutRowsRun(RawStmt *statement, const char *text,
							  void (*run) (RawStmt *statement, const char *text));

#endif
