/*
 * Reading this node's own WAL for what it did; see history.h.
 *
 * Runs in: the monitor, sessions of peers, the recovery process.
 * Locks: the slot's own, to read a position.
 *
 * Two kinds of records count:
 *  - COMMIT PREPARED: it carries the gid, which names the transaction when it is ours;
 *  - COMMIT, or COMMIT PREPARED of a user's gid, of a local transaction whose message
 *    (wire/commit_message.h) was read before. So recovery's transactions are found.
 * Of users' transactions the PREPARE and the refusal are noted as well.
 */
#include "postgres.h"

#include "access/rmgr.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogreader.h"
#include "access/xlogutils.h"
#include "miscadmin.h"
#include "replication/message.h"
#include "replication/slot.h"
#include "shmem/transactions.h"
#include "utils/memutils.h"
#include "wal/history.h"

/* Content: an MtmIdentity. */
#define MTM_MESSAGE_REFUSED "mtm:refused"
/* Nothing: all that was written before it can be read. */
#define MTM_MESSAGE_LOOK "mtm:look"

/* What a local transaction that is not over yet said of itself. */
typedef struct Said
{
	TransactionId xid;			/* hash key */
	MtmIdentity identity;
	bool		of_user;		/* will be prepared until its user decides */
} Said;

static HTAB *
make_table(const char *name, Size key_size, Size entry_size)
{
	HASHCTL		info;

	memset(&info, 0, sizeof(info));
	info.keysize = key_size;
	info.entrysize = entry_size;
	info.hcxt = CurrentMemoryContext;
	return hash_create(name, 256, &info, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static MtmWalEntry *
entry_of(HTAB *history, const MtmIdentity *identity)
{
	bool		found;
	MtmWalEntry *entry = hash_search(history, identity, HASH_ENTER, &found);

	if (!found)
		entry->committed = entry->prepared = entry->ended = entry->refused = false;
	return entry;
}

static void
note_said(TransactionId xid, const MtmCommitMessage *content, HTAB *said)
{
	Said	   *entry = hash_search(said, &xid, HASH_ENTER, NULL);

	entry->identity = content->identity;
	entry->of_user = (content->flags & MTM_TX_USER_GID) && !(content->flags & MTM_TX_RECOVERED);
}

/* What it said counts only now: it may have been refused after that, and rolled back. */
static void
note_prepare(XLogReaderState *reader, HTAB *said, HTAB *history)
{
	TransactionId xid = ((xl_xact_prepare *) XLogRecGetData(reader))->xid;
	Said	   *entry = hash_search(said, &xid, HASH_FIND, NULL);

	if (entry && entry->of_user)
		entry_of(history, &entry->identity)->prepared = true;
}

static void
note_message(XLogReaderState *reader, HTAB *said, HTAB *history)
{
	xl_logical_message *message = (xl_logical_message *) XLogRecGetData(reader);
	const char *content = message->message + message->prefix_size;
	MtmCommitMessage commit;
	MtmIdentity refused;

	if (message->transactional && strcmp(message->message, MTM_MESSAGE_COMMIT) == 0)
	{
		if (MtmCommitMessageRead(content, message->message_size, &commit))
			note_said(XLogRecGetXid(reader), &commit, said);
	}
	else if (!message->transactional && strcmp(message->message, MTM_MESSAGE_REFUSED) == 0 &&
			 message->message_size == sizeof(refused))
	{
		memcpy(&refused, content, sizeof(refused));
		entry_of(history, &refused)->refused = true;
	}
}

static void
note_rollback(XLogReaderState *reader, HTAB *said, HTAB *history)
{
	xl_xact_parsed_abort parsed;
	Said	   *entry;

	ParseAbortRecord(XLogRecGetInfo(reader), (xl_xact_abort *) XLogRecGetData(reader),
					 &parsed);
	entry = hash_search(said, &parsed.twophase_xid, HASH_FIND, NULL);
	if (entry && entry->of_user)
		entry_of(history, &entry->identity)->ended = true;
}

static void
note_end(XLogReaderState *reader, HTAB *said, HTAB *history)
{
	uint8		info = XLogRecGetInfo(reader) & XLOG_XACT_OPMASK;
	xl_xact_parsed_commit parsed;
	TransactionId xid = XLogRecGetXid(reader);
	MtmGid		gid;
	Said	   *entry;

	if (info == XLOG_XACT_PREPARE)
		note_prepare(reader, said, history);
	if (info == XLOG_XACT_ABORT_PREPARED)
		note_rollback(reader, said, history);
	if (info != XLOG_XACT_COMMIT && info != XLOG_XACT_COMMIT_PREPARED)
		return;
	ParseCommitRecord(XLogRecGetInfo(reader), (xl_xact_commit *) XLogRecGetData(reader),
					  &parsed);
	if (info == XLOG_XACT_COMMIT_PREPARED)
	{
		xid = parsed.twophase_xid;
		if (MtmGidParse(parsed.twophase_gid, &gid))
		{
			MtmIdentity identity = MtmIdentityOfGid(&gid);

			entry_of(history, &identity)->committed = true;
		}
	}
	entry = hash_search(said, &xid, HASH_FIND, NULL);
	if (entry)
	{
		entry_of(history, &entry->identity)->committed = true;
		entry_of(history, &entry->identity)->ended = entry->of_user;
		(void) hash_search(said, &xid, HASH_REMOVE, NULL);
	}
}

static void
cannot_read(XLogRecPtr at, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FILE),
			 errmsg("could not read this node's WAL at %X/%X: %s", LSN_FORMAT_ARGS(at),
					why ? why : "unknown error")));
}

static void
read_all(XLogReaderState *reader, ReadLocalXLogPageNoWaitPrivate *reading,
		 XLogRecPtr from, HTAB *said, HTAB *history)
{
	XLogRecPtr	end;

	/* Outcomes that lanes executed and refusals are not flushed when they are written. */
	XLogFlush(LogLogicalMessage(MTM_MESSAGE_LOOK, "", 0, false));
	end = GetFlushRecPtr(NULL);
	if (from >= end)
		return;
	if (XLogRecPtrIsInvalid(XLogFindNextRecord(reader, from)))
	{
		if (reading->end_of_wal)
			return;
		cannot_read(from, NULL);
	}
	while (reader->EndRecPtr < end)
	{
		char	   *error = NULL;

		CHECK_FOR_INTERRUPTS();
		if (!XLogReadRecord(reader, &error))
		{
			if (reading->end_of_wal)
				return;
			cannot_read(reader->EndRecPtr, error);
		}
		if (XLogRecGetRmid(reader) == RM_LOGICALMSG_ID)
			note_message(reader, said, history);
		else if (XLogRecGetRmid(reader) == RM_XACT_ID)
			note_end(reader, said, history);
	}
}

HTAB *
MtmWalHistory(XLogRecPtr from)
{
	HTAB	   *history = make_table("multimaster history of WAL", sizeof(MtmIdentity),
									 sizeof(MtmWalEntry));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "multimaster reading of WAL",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	HTAB	   *said = make_table("multimaster said", sizeof(TransactionId), sizeof(Said));
	ReadLocalXLogPageNoWaitPrivate *reading = palloc0(sizeof(*reading));
	XLogReaderState *reader;

	reader = XLogReaderAllocate(wal_segment_size, NULL,
								XL_ROUTINE(.page_read = &read_local_xlog_page_no_wait,
										   .segment_open = &wal_segment_open,
										   .segment_close = &wal_segment_close),
								reading);
	if (!reader)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	read_all(reader, reading, from, said, history);
	XLogReaderFree(reader);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return history;
}

MtmWalEntry
MtmWalFind(HTAB *history, const MtmIdentity *identity)
{
	MtmWalEntry *entry = hash_search(history, identity, HASH_FIND, NULL);
	MtmWalEntry nothing = {.identity = *identity};

	return entry ? *entry : nothing;
}

void
MtmWalLogRefused(const MtmIdentity *identity)
{
	(void) LogLogicalMessage(MTM_MESSAGE_REFUSED, (const char *) identity,
							 sizeof(*identity), false);
}

static ReplicationSlotPersistentData
slot_of(int peer)
{
	char		name[NAMEDATALEN];
	ReplicationSlot *slot;
	ReplicationSlotPersistentData data = {.restart_lsn = InvalidXLogRecPtr};

	snprintf(name, sizeof(name), "mtm_slot_%d", peer);
	slot = SearchNamedReplicationSlot(name, true);
	if (!slot)
		return data;
	SpinLockAcquire(&slot->mutex);
	data = slot->data;
	SpinLockRelease(&slot->mutex);
	return data;
}

XLogRecPtr
MtmSlotConfirmed(int peer)
{
	return slot_of(peer).confirmed_flush;
}

XLogRecPtr
MtmSlotRestart(int peer)
{
	return slot_of(peer).restart_lsn;
}
