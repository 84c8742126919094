/*
 * A change that cannot be sent; see unsendable.h.
 *
 * Runs in: walsenders (write), apply workers (read).
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "wire/unsendable.h"

static void
send_text(StringInfo out, const char *text)
{
	appendBinaryStringInfo(out, text, strlen(text) + 1);
}

void
MtmUnsendableWrite(StringInfo out, int sqlstate, const char *message,
				   const char *detail, const char *hint)
{
	pq_sendint32(out, sqlstate);
	send_text(out, message);
	send_text(out, detail);
	send_text(out, hint);
}

void
MtmUnsendableRaise(StringInfo in)
{
	int			sqlstate = pq_getmsgint(in, 4);
	const char *message = pq_getmsgrawstring(in);
	const char *detail = pq_getmsgrawstring(in);
	const char *hint = pq_getmsgrawstring(in);

	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("%s", message),
			 errdetail("%s", detail),
			 hint[0] != '\0' ? errhint("%s", hint) : 0));
}
