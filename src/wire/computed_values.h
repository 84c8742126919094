/*
 * Values that a statement of the schema computes once, and that it keeps: bounds of
 * partitions, and the default of a new column for the rows that exist.
 *
 * The node of the client computes them where nodes could get others, and all nodes, that one
 * too, run the statement with them in the places of the expressions. A new column's own
 * default is set in the same statement: later rows get what the expression gives then.
 */
#ifndef MTM_WIRE_COMPUTED_VALUES_H
#define MTM_WIRE_COMPUTED_VALUES_H

#include "postgres.h"
#include "nodes/parsenodes.h"

typedef struct MtmComputedValue
{
	int			place;			/* the how manieth of MtmValuePlaces(), from 0 */
	const char *type;			/* qualified, with its modifier */
	const char *value;			/* as text; NULL: null */
} MtmComputedValue;

typedef struct MtmValuePlace
{
	Node	  **expression;		/* as it is parsed */
	AlterTableStmt *alter;		/* of a column that this one adds, else NULL */
	AlterTableCmd *add;
} MtmValuePlace;

/* All places of a statement that may hold such an expression, in the order of its text. */
extern List *MtmValuePlaces(Node *statement);
extern void MtmComputedValuesPut(Node *statement, List *values);

#endif
