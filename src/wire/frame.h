/*
 * The replication stream from our output plugin to a peer's receiver: frames, one in each
 * CopyData message, and the records inside a transaction's body.
 *
 * Frames (integers in network order):
 *   P xid bytes                      a part of the body of a large transaction
 *   E xid flags generation gid end_lsn time bytes   its last part: it is prepared
 *   C xid gid end_lsn time           COMMIT PREPARED
 *   R xid gid end_lsn time           ROLLBACK PREPARED
 * and, to a node that recovers (docs/majority.md, part 3), instead of E for the cluster's own:
 *   W xid flags coordinator its_xid its_lsn generation gid end_lsn time bytes
 *                                    a whole transaction, which was committed
 *   U the same                       a user's own, which was prepared
 *   M generation end_lsn             the sender's mark of a generation
 *
 * The body is a sequence of records, each [uint32 length][kind][content]:
 *   R relation definition (wire/relation_definition.h)  rows after it refer to its id
 *   I relation_id new                      rows as wire/row.h writes them
 *   F relation_id new                      a row that a statement of the schema computed: as
 *                                          I, without what an insertion brings about
 *   U relation_id has_old [old] new
 *   D relation_id old
 *   T flags count relation_ids
 *   X error                               a change that cannot be sent (wire/unsendable.h)
 *   S schema change: a statement to run (wire/schema_change.h)
 *   N notification: channel, payload
 *   Q a sequence goes on elsewhere (wire/sequence_move.h)
 *   O role: who prepared it; only in users' own two-phase transactions
 *   E how far its node had executed the outcomes of others (wire/executed.h); with S only
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
#define MTM_FRAME_WHOLE 'W'
#define MTM_FRAME_USERS 'U'
#define MTM_FRAME_MARK 'M'

#define MTM_RECORD_RELATION 'R'
#define MTM_RECORD_INSERT 'I'
#define MTM_RECORD_REFILL 'F'
#define MTM_RECORD_UPDATE 'U'
#define MTM_RECORD_DELETE 'D'
#define MTM_RECORD_TRUNCATE 'T'
#define MTM_RECORD_UNSENDABLE 'X'
#define MTM_RECORD_SCHEMA 'S'
#define MTM_RECORD_NOTIFY 'N'
#define MTM_RECORD_SEQUENCE 'Q'
#define MTM_RECORD_OWNER 'O'
#define MTM_RECORD_EXECUTED 'E'

/*
 * Prefixes of logical messages in our own WAL that the plugin turns into records. All begin
 * alike, as nobody else can write one that does (backend/logical_messages.c).
 */
#define MTM_MESSAGE_PREFIX "mtm:"
#define MTM_MESSAGE_SCHEMA "mtm:schema"	/* content of an S record follows */
#define MTM_MESSAGE_SCHEMA_END "mtm:schema_end"	/* rows between are the statement's own */
#define MTM_MESSAGE_REFILL "mtm:refill"	/* not empty: inserted rows are F records; empty: no more */
#define MTM_MESSAGE_NOTIFY "mtm:notify" /* content of an N record */
#define MTM_MESSAGE_SEQUENCE "mtm:sequence"	/* content of a Q record */
#define MTM_MESSAGE_OWNER "mtm:owner"	/* content of an O record */
#define MTM_MESSAGE_EXECUTED "mtm:executed"	/* content of an E record */
/* Not in a transaction: this node's mark of a generation; content: uint64, host order. */
#define MTM_MESSAGE_MARK "mtm:mark"

typedef struct MtmFrame
{
	char		kind;
	TransactionId xid;			/* at the sender */
	int			flags;			/* E, W, U: MTM_TX_* */
	int			coordinator;	/* W, U */
	TransactionId coordinator_xid;	/* W, U */
	XLogRecPtr	coordinator_end_lsn;	/* there: W of its COMMIT, U of its PREPARE; 0: not known */
	uint64		generation;		/* E: 0 when the transaction is incomplete */
	char		gid[MTM_GID_SIZE];
	XLogRecPtr	end_lsn;
	TimestampTz time;
	const char *bytes;			/* P, E, W, U: points into the input */
	int			size;
} MtmFrame;

extern void MtmFrameWritePart(StringInfo out, TransactionId xid);
extern void MtmFrameWrite(StringInfo out, const MtmFrame *frame);	/* without bytes */
extern void MtmFrameRead(StringInfo in, MtmFrame *frame);

/* Open a record; its length is filled in by MtmRecordEnd. Returns its position. */
extern int	MtmRecordBegin(StringInfo out, char kind);
extern void MtmRecordEnd(StringInfo out, int position);

#endif
