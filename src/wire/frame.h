/*
 * The replication stream from our output plugin to a peer's receiver: frames, one in each
 * CopyData message, and the records inside a transaction's body.
 *
 * Frames (integers in network order):
 *   P xid bytes                      a part of the body of a large transaction
 *   E xid flags generation gid end_lsn time bytes   its last part: it is prepared
 *   C xid gid end_lsn time           COMMIT PREPARED
 *   R xid gid end_lsn time           ROLLBACK PREPARED
 *
 * The body is a sequence of records, each [uint32 length][kind][content]:
 *   R relation definition (wire/relation_definition.h)  rows after it refer to its id
 *   I relation_id new                      rows as wire/row.h writes them
 *   U relation_id has_old [old] new
 *   D relation_id old
 *   T flags count relation_ids
 *   X error                               a change that cannot be sent (wire/unsendable.h)
 *   S schema change: a statement to run (wire/schema_change.h)
 *   N notification: channel, payload
 *   O role: who prepared it; only in users' own two-phase transactions
 */
#ifndef MTM_FRAME_H
#define MTM_FRAME_H

#include "access/xlogdefs.h"
#include "lib/stringinfo.h"
#include "shmem/shared.h"
#include "utils/timestamp.h"

#define MTM_STREAM_VERSION 1

#define MTM_FRAME_PART 'P'
#define MTM_FRAME_PREPARE 'E'
#define MTM_FRAME_COMMIT 'C'
#define MTM_FRAME_ROLLBACK 'R'

#define MTM_RECORD_RELATION 'R'
#define MTM_RECORD_INSERT 'I'
#define MTM_RECORD_UPDATE 'U'
#define MTM_RECORD_DELETE 'D'
#define MTM_RECORD_TRUNCATE 'T'
#define MTM_RECORD_UNSENDABLE 'X'
#define MTM_RECORD_SCHEMA 'S'
#define MTM_RECORD_NOTIFY 'N'
#define MTM_RECORD_OWNER 'O'

/* Prefixes of logical messages in our own WAL that the plugin turns into records. */
#define MTM_MESSAGE_SCHEMA "mtm:schema"	/* content of an S record follows */
#define MTM_MESSAGE_SCHEMA_END "mtm:schema_end"	/* rows between are the statement's own */
#define MTM_MESSAGE_NOTIFY "mtm:notify" /* content of an N record */
#define MTM_MESSAGE_OWNER "mtm:owner"	/* content of an O record */
/* The last message of every transaction of ours: it makes the transaction decodable whatever it
 * wrote, and tells it from others' two-phase transactions. Content: an MtmCommitMessage. */
#define MTM_MESSAGE_COMMIT "mtm:commit"

/* Written and read on the same server: host order. */
typedef struct MtmCommitMessage
{
	uint64		generation;
	uint32		flags;			/* MTM_TX_USER_GID or 0 */
	uint32		unused;
} MtmCommitMessage;

typedef struct MtmFrame
{
	char		kind;
	TransactionId xid;
	int			flags;			/* E: MTM_TX_* */
	uint64		generation;		/* E: 0 when the transaction is incomplete */
	char		gid[MTM_GID_SIZE];
	XLogRecPtr	end_lsn;
	TimestampTz time;
	const char *bytes;			/* P, E: points into the input */
	int			size;
} MtmFrame;

extern void MtmFrameWritePart(StringInfo out, TransactionId xid);
extern void MtmFrameWrite(StringInfo out, const MtmFrame *frame);	/* without bytes */
extern void MtmFrameRead(StringInfo in, MtmFrame *frame);

/* Open a record; its length is filled in by MtmRecordEnd. Returns its position. */
extern int	MtmRecordBegin(StringInfo out, char kind);
extern void MtmRecordEnd(StringInfo out, int position);

#endif
