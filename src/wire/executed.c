/*
 * How far a node had executed the outcomes of others, on the wire; see executed.h.
 *
 * Runs in: backends (write), apply workers (read).
 * Path: backend/commit.c -> WAL -> sender/ -> here -> apply/earlier_commits.c
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "wire/executed.h"

void
MtmExecutedWrite(StringInfo out, const MtmExecuted executed)
{
	for (int i = 0; i < MTM_MAX_NODES; i++)
	{
		if (XLogRecPtrIsInvalid(executed[i]))
			continue;
		pq_sendint8(out, i + 1);
		pq_sendint64(out, executed[i]);
	}
}

void
MtmExecutedRead(StringInfo in, MtmExecuted executed)
{
	while (in->cursor < in->len)
	{
		int			node_id = pq_getmsgbyte(in);

		if (node_id < 1 || node_id > MTM_MAX_NODES)
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("a transaction names a node %d", node_id)));
		executed[node_id - 1] = pq_getmsgint64(in);
	}
}
