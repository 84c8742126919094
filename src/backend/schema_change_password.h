/* Passwords of roles, which must not be logged. */
#ifndef MTM_BACKEND_SCHEMA_CHANGE_PASSWORD_H
#define MTM_BACKEND_SCHEMA_CHANGE_PASSWORD_H

#include "postgres.h"
#include "nodes/plannodes.h"

/* If the statement sets a password in clear, puts its hash into text and (a copy of the)
 * statement; true then. */
extern bool MtmHidePassword(PlannedStmt **pstmt, char **text);

#endif
