/*
 * Messages on the link, written and read side by side (wire/link_message.c).
 * Integers in network order, strings null-terminated.
 *
 *   Y xid generation                                     vote yes
 *   N xid generation sqlstate message detail hint        vote no
 *   U xid generation gid lsn                             please roll back
 *   R xid generation                                     rolled back, or never prepared
 *   A lsn                                                do you show my commits up to here? (shmem/shown.h)
 *   S lsn                                                I show your commits up to here
 *   Q number                                             which is your newest commit?
 *   P number generation lsn                              this one; I am online in this generation
 *   W xid generation sqlstate message detail hint        please abort it: wound-wait
 *   J text                                               control plane
 */
#ifndef MTM_LINK_MESSAGE_H
#define MTM_LINK_MESSAGE_H

#include "access/xlogdefs.h"
#include "lib/stringinfo.h"
#include "shmem/commits.h"

#define MTM_LINK_YES 'Y'
#define MTM_LINK_NO 'N'
#define MTM_LINK_UNDO 'U'
#define MTM_LINK_UNDONE 'R'
#define MTM_LINK_ASK_SHOWN 'A'
#define MTM_LINK_SHOWN 'S'
#define MTM_LINK_ASK_NEWEST 'Q'
#define MTM_LINK_NEWEST 'P'
#define MTM_LINK_WOUND 'W'
#define MTM_LINK_CONTROL 'J'

typedef struct MtmLinkMessage
{
	char		kind;
	TransactionId xid;
	uint64		generation;
	char		gid[MTM_GID_SIZE];	/* U */
	XLogRecPtr	lsn;			/* A, S, P; U: its PREPARE lies before, its outcome behind */
	uint64		number;			/* Q, P */
	MtmRefusal	refusal;		/* N, W, without node_id */
	const char *text;			/* J, points into the buffer */
} MtmLinkMessage;

/* Each returns whether it was queued for the node (shmem/outbox.h). */
extern bool MtmSendYes(int node_id, TransactionId xid, uint64 generation);
extern bool MtmSendNo(int node_id, TransactionId xid, uint64 generation,
					  const MtmRefusal *refusal);
extern bool MtmSendUndo(int node_id, TransactionId xid, uint64 generation,
						const char *gid, XLogRecPtr lsn);
extern bool MtmSendUndone(int node_id, TransactionId xid, uint64 generation);
extern bool MtmSendAskShown(int node_id, XLogRecPtr up_to);
extern bool MtmSendShown(int node_id, XLogRecPtr shown);
extern bool MtmSendAskNewest(int node_id, uint64 number);
extern bool MtmSendNewest(int node_id, uint64 number, uint64 generation,
						  XLogRecPtr newest);
extern bool MtmSendWound(int node_id, TransactionId xid, uint64 generation,
						 const MtmRefusal *refusal);
extern bool MtmSendControl(int node_id, const char *text);

/* ERROR 08P01 on a malformed message. */
extern void MtmLinkMessageRead(StringInfo in, MtmLinkMessage *message);

#endif
