/*
 * A schema change as it is sent: one statement and all that its meaning depends on.
 *
 *   uint8 rows follow, statement, role, session role, int64 transaction start,
 *   int64 statement start, uint16 settings, for each: name, value, uint8 outside,
 *   name of the index,
 *   uint16 computed values, for each: uint16 place, type, uint8 null, value unless it is null
 *
 * "Rows follow": what the statement computes is sent as rows, those within its bracket.
 * Peers run it without computing anything (apply/without_rows.h).
 *
 * Integers in network order, strings null-terminated in the server's encoding (all
 * nodes have the same). Empty content runs nothing: it only reopens the bracket in
 * which rows belong to the statement itself (wire/frame.h), after code of a user
 * that ran within the statement.
 */
#ifndef MTM_WIRE_SCHEMA_CHANGE_H
#define MTM_WIRE_SCHEMA_CHANGE_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

typedef struct MtmSetting
{
	const char *name;
	const char *value;
} MtmSetting;

typedef struct MtmSchemaChange
{
	bool		rows_follow;
	const char *statement;		/* after reading, these point into the input */
	const char *role;			/* whose rights it runs with */
	const char *session_role;	/* SESSION_USER */
	TimestampTz transaction_start;	/* now() */
	TimestampTz statement_start;
	List	   *settings;		/* of MtmSetting */
	bool		outside;		/* it ran before, outside of transactions (wire/outside.h) */
	const char *index_name;		/* CREATE INDEX: its name, also where the statement has none; else "" */
	List	   *values;			/* of MtmComputedValue (wire/computed_values.h) */
} MtmSchemaChange;

extern void MtmSchemaChangeWrite(StringInfo out, const MtmSchemaChange *change);
/* False when the content is empty. */
extern bool MtmSchemaChangeRead(StringInfo in, MtmSchemaChange *change);
/* Are rows in the bracket that this content opens the statement's own, which peers write? */
extern bool MtmSchemaChangeHidesRows(const char *content, Size size);

#endif
