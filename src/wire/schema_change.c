/*
 * A schema change on the wire; see schema_change.h.
 *
 * Runs in: backends (write), apply workers (read).
 * Path: backend/schema_change.c -> WAL -> sender/ -> here -> apply/schema_change.c
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "wire/computed_values.h"
#include "wire/schema_change.h"

static void
send_text(StringInfo out, const char *text)
{
	appendBinaryStringInfo(out, text, strlen(text) + 1);
}

static void
send_values(StringInfo out, List *values)
{
	ListCell   *cell;

	pq_sendint16(out, list_length(values));
	foreach(cell, values)
	{
		const MtmComputedValue *value = lfirst(cell);

		pq_sendint16(out, value->place);
		send_text(out, value->type);
		pq_sendint8(out, value->value == NULL);
		if (value->value)
			send_text(out, value->value);
	}
}

static List *
read_values(StringInfo in)
{
	int			count = pq_getmsgint(in, 2);
	List	   *values = NIL;

	for (int i = 0; i < count; i++)
	{
		MtmComputedValue *value = palloc(sizeof(*value));
		bool		isnull;

		value->place = pq_getmsgint(in, 2);
		value->type = pq_getmsgrawstring(in);
		isnull = pq_getmsgbyte(in) != 0;
		value->value = isnull ? NULL : pq_getmsgrawstring(in);
		values = lappend(values, value);
	}
	return values;
}

void
MtmSchemaChangeWrite(StringInfo out, const MtmSchemaChange *change)
{
	ListCell   *cell;

	pq_sendint8(out, change->rows_follow);
	send_text(out, change->statement);
	send_text(out, change->role);
	send_text(out, change->session_role);
	pq_sendint64(out, change->transaction_start);
	pq_sendint64(out, change->statement_start);
	pq_sendint16(out, list_length(change->settings));
	foreach(cell, change->settings)
	{
		MtmSetting *setting = lfirst(cell);

		send_text(out, setting->name);
		send_text(out, setting->value);
	}
	pq_sendint8(out, change->outside);
	send_text(out, change->index_name);
	send_values(out, change->values);
}

bool
MtmSchemaChangeRead(StringInfo in, MtmSchemaChange *change)
{
	int			settings;

	if (in->cursor >= in->len)
		return false;
	change->rows_follow = pq_getmsgbyte(in) != 0;
	change->statement = pq_getmsgrawstring(in);
	change->role = pq_getmsgrawstring(in);
	change->session_role = pq_getmsgrawstring(in);
	change->transaction_start = pq_getmsgint64(in);
	change->statement_start = pq_getmsgint64(in);
	settings = pq_getmsgint(in, 2);
	change->settings = NIL;
	for (int i = 0; i < settings; i++)
	{
		MtmSetting *setting = palloc(sizeof(*setting));

		setting->name = pq_getmsgrawstring(in);
		setting->value = pq_getmsgrawstring(in);
		change->settings = lappend(change->settings, setting);
	}
	change->outside = pq_getmsgbyte(in) != 0;
	change->index_name = pq_getmsgrawstring(in);
	change->values = read_values(in);
	pq_getmsgend(in);
	return true;
}

bool
MtmSchemaChangeHidesRows(const char *content, Size size)
{
	return size == 0 || content[0] == 0;
}
