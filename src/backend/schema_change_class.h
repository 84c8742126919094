/*
 * What is done with a utility statement: one total table by kind of statement.
 */
#ifndef MTM_BACKEND_SCHEMA_CHANGE_CLASS_H
#define MTM_BACKEND_SCHEMA_CHANGE_CLASS_H

#include "postgres.h"
#include "nodes/nodes.h"

typedef enum MtmStatementClass
{
	MTM_STATEMENT_LOCAL,		/* runs here; what it runs itself is looked at */
	MTM_STATEMENT_OURS,			/* CREATE EXTENSION multimaster: here, with all inside */
	MTM_STATEMENT_ONLY_HERE,	/* here, and the user is told so */
	MTM_STATEMENT_ROWS,			/* COPY, TRUNCATE: here; its rows are decoded */
	MTM_STATEMENT_REPLICATED,	/* on every node, inside the transaction */
	MTM_STATEMENT_COMPUTES,		/* the same, but what it computes here is sent as rows */
	MTM_STATEMENT_OUTSIDE,		/* on every node, one after the other, outside of transactions */
	MTM_STATEMENT_CLUSTER_PARTITIONS,	/* here, after its marks on indexes on every node */
	MTM_STATEMENT_IMPORT,		/* as the statements that come of it here */
	MTM_STATEMENT_REFUSED
} MtmStatementClass;

/* Why it is refused, for the error. */
typedef struct MtmStatementRefusal
{
	const char *detail;
	const char *hint;
} MtmStatementRefusal;

extern MtmStatementClass MtmStatementClassify(Node *statement, const char *query_string,
											  MtmStatementRefusal *refusal);
/* By the kind of statement alone: may it change the schema at all? */
extern bool MtmStatementMayChangeSchema(Node *statement);

#endif
