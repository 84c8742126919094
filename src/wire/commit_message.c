/*
 * The last message of a transaction of ours; see commit_message.h.
 *
 * Runs in: backends, apply workers and the recovery process write; walsenders and
 *          readers of WAL read.
 */
#include "postgres.h"

#include "replication/message.h"
#include "shmem/transactions.h"
#include "wire/commit_message.h"

MtmIdentity
MtmIdentityOfGid(const MtmGid *gid)
{
	MtmIdentity identity = {
		.generation = gid->generation,
		.coordinator = gid->coordinator,
		.xid = (TransactionId) gid->xid,
	};

	return identity;
}

void
MtmCommitMessageOfGid(MtmCommitMessage *message, const char *gid)
{
	MtmGid		parts;

	memset(message, 0, sizeof(*message));
	if (!MtmGidParse(gid, &parts))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("\"%s\" is not a name that multimaster gives", gid)));
	message->identity = MtmIdentityOfGid(&parts);
	message->full_xid = parts.xid;
	message->incarnation = parts.incarnation;
	message->start = parts.start;
}

void
MtmCommitMessageOfUser(MtmCommitMessage *message, const char *gid,
					   const MtmIdentity *identity)
{
	memset(message, 0, sizeof(*message));
	message->identity = *identity;
	message->flags = MTM_TX_USER_GID;
	strlcpy(message->gid, gid, sizeof(message->gid));
}

static Size
size_of(const MtmCommitMessage *message)
{
	Size		size = offsetof(MtmCommitMessage, gid);

	if (message->flags & MTM_TX_USER_GID)
		size += strlen(message->gid) + 1;
	return size;
}

void
MtmCommitMessageLog(const MtmCommitMessage *message)
{
	LogLogicalMessage(MTM_MESSAGE_COMMIT, (const char *) message, size_of(message), true);
}

bool
MtmCommitMessageRead(const char *content, Size size, MtmCommitMessage *message)
{
	if (size < offsetof(MtmCommitMessage, gid) || size > sizeof(*message))
		return false;
	memset(message, 0, sizeof(*message));
	memcpy(message, content, size);
	message->gid[MTM_GID_SIZE - 1] = '\0';
	return true;
}

void
MtmCommitMessageGid(const MtmCommitMessage *message, char gid[MTM_GID_SIZE])
{
	if (message->flags & MTM_TX_USER_GID)
		strlcpy(gid, message->gid, MTM_GID_SIZE);
	else
	{
		MtmGid		parts = {
			.coordinator = message->identity.coordinator,
			.xid = message->full_xid,
			.generation = message->identity.generation,
			.incarnation = message->incarnation,
			.start = message->start,
		};

		MtmGidFormat(&parts, gid);
	}
}
