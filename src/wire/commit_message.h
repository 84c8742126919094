/*
 * The last message of every transaction of ours, in the WAL of each node that runs it:
 * it makes the transaction decodable whatever it wrote, tells it from others' two-phase
 * transactions, and says which transaction it is, wherever it is read.
 *
 * Written and read on the same server: host order.
 */
#ifndef MTM_COMMIT_MESSAGE_H
#define MTM_COMMIT_MESSAGE_H

#include "access/xlogdefs.h"
#include "wire/gid.h"

#define MTM_MESSAGE_COMMIT "mtm:commit"

/* Whose transaction it is: the same on all nodes, also for users' gids. */
typedef struct MtmIdentity
{
	uint64		generation;
	uint32		coordinator;
	TransactionId xid;			/* there */
} MtmIdentity;

typedef struct MtmCommitMessage
{
	MtmIdentity identity;
	uint32		flags;			/* MTM_TX_USER_GID, MTM_TX_RECOVERED */
	uint32		unused;
	uint64		full_xid;		/* the other parts of the cluster's own gid */
	uint64		incarnation;
	TimestampTz start;
	/* where the coordinator has it: MTM_TX_RECOVERED, of its COMMIT, if that is known; of a
	 * user's that is prepared for another node, of its PREPARE */
	XLogRecPtr	coordinator_end_lsn;
	char		gid[MTM_GID_SIZE];	/* MTM_TX_USER_GID; only as long as needed */
} MtmCommitMessage;

/* `gid` of the cluster's own, or a user's with the identity given. */
extern void MtmCommitMessageOfGid(MtmCommitMessage *message, const char *gid);
extern void MtmCommitMessageOfUser(MtmCommitMessage *message, const char *gid,
								   const MtmIdentity *identity);
extern void MtmCommitMessageLog(const MtmCommitMessage *message);
/* False when the content is not one. */
extern bool MtmCommitMessageRead(const char *content, Size size, MtmCommitMessage *message);
/* The name of the transaction. */
extern void MtmCommitMessageGid(const MtmCommitMessage *message, char gid[MTM_GID_SIZE]);

extern MtmIdentity MtmIdentityOfGid(const MtmGid *gid);

#endif
