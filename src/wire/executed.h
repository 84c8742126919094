/*
 * How far a node had executed the outcomes of other nodes when it prepared a change of the
 * schema: content of MTM_MESSAGE_EXECUTED and of the E record.
 *
 *   for each node: uint8 its id, int64 a position in its WAL
 *
 * Runs in: backends (write), apply workers (read).
 */
#ifndef MTM_WIRE_EXECUTED_H
#define MTM_WIRE_EXECUTED_H

#include "access/xlogdefs.h"
#include "lib/stringinfo.h"
#include "shmem/shared.h"

/* [node_id - 1]; invalid: nothing of that node. */
typedef XLogRecPtr MtmExecuted[MTM_MAX_NODES];

extern void MtmExecutedWrite(StringInfo out, const MtmExecuted executed);
extern void MtmExecutedRead(StringInfo in, MtmExecuted executed);

#endif
