/* A call of a function that runs on every node: SELECT with constants as arguments. */
#ifndef MTM_APPLY_FUNCTION_CALL_H
#define MTM_APPLY_FUNCTION_CALL_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/* Runs as the role, and with the settings, that are in force. */
extern void MtmApplyFunctionCall(RawStmt *parsed, const char *text);

#endif
