/* What is logged of a schema change: its text and all that its meaning depends on. */
#ifndef MTM_BACKEND_SCHEMA_CHANGE_CONTENT_H
#define MTM_BACKEND_SCHEMA_CHANGE_CONTENT_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/plannodes.h"

/* The statement's own part of the query string; ERROR 0A000 if that is not its text. */
extern char *MtmStatementText(const PlannedStmt *pstmt, const char *query_string);
/* `rows_follow`, `values`: see wire/schema_change.h. */
extern StringInfo MtmSchemaChangeContent(Node *statement, const char *text, bool rows_follow,
										 List *values);
/* It ran outside of transactions (wire/outside.h). */
extern StringInfo MtmSchemaChangeOutside(Node *statement, const char *text);

#endif
