/*
 * Reading this node's own WAL for what was committed; see committed.h.
 *
 * Runs in: the monitor, sessions of peers, the recovery process.
 * Locks: the slot's own, to read a position.
 *
 * Two kinds of records count:
 *  - COMMIT PREPARED: it carries the gid, which names the transaction when it is ours;
 *  - COMMIT, or COMMIT PREPARED of a user's gid, of a local transaction whose message
 *    (wire/commit_message.h) was read before. So recovery's transactions are found.
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
#include "utils/memutils.h"
#include "wal/committed.h"

/* What a local transaction that is not over yet said of itself. */
typedef struct Said
{
	TransactionId xid;			/* hash key */
	MtmIdentity identity;
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

static void
note_message(XLogReaderState *reader, HTAB *said)
{
	xl_logical_message *message = (xl_logical_message *) XLogRecGetData(reader);
	TransactionId xid = XLogRecGetXid(reader);
	MtmCommitMessage content;

	if (!message->transactional || strcmp(message->message, MTM_MESSAGE_COMMIT) != 0)
		return;
	if (MtmCommitMessageRead(message->message + message->prefix_size,
							 message->message_size, &content))
	{
		Said	   *entry = hash_search(said, &xid, HASH_ENTER, NULL);

		entry->identity = content.identity;
	}
}

static void
add(HTAB *committed, const MtmIdentity *identity)
{
	(void) hash_search(committed, identity, HASH_ENTER, NULL);
}

static void
note_end(XLogReaderState *reader, HTAB *said, HTAB *committed)
{
	uint8		info = XLogRecGetInfo(reader) & XLOG_XACT_OPMASK;
	xl_xact_parsed_commit parsed;
	TransactionId xid = XLogRecGetXid(reader);
	MtmGid		gid;
	Said	   *entry;

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

			add(committed, &identity);
		}
	}
	entry = hash_search(said, &xid, HASH_FIND, NULL);
	if (entry)
	{
		add(committed, &entry->identity);
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
		 XLogRecPtr from, HTAB *said, HTAB *committed)
{
	XLogRecPtr	end = GetFlushRecPtr(NULL);

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
			note_message(reader, said);
		else if (XLogRecGetRmid(reader) == RM_XACT_ID)
			note_end(reader, said, committed);
	}
}

HTAB *
MtmWalCommittedSince(XLogRecPtr from)
{
	HTAB	   *committed = make_table("multimaster committed", sizeof(MtmIdentity),
									   sizeof(MtmIdentity));
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
	read_all(reader, reading, from, said, committed);
	XLogReaderFree(reader);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return committed;
}

bool
MtmWalCommitted(HTAB *committed, const MtmIdentity *identity)
{
	return hash_search(committed, identity, HASH_FIND, NULL) != NULL;
}

XLogRecPtr
MtmSlotConfirmed(int peer)
{
	char		name[NAMEDATALEN];
	ReplicationSlot *slot;
	XLogRecPtr	confirmed;

	snprintf(name, sizeof(name), "mtm_slot_%d", peer);
	slot = SearchNamedReplicationSlot(name, true);
	if (!slot)
		return InvalidXLogRecPtr;
	SpinLockAcquire(&slot->mutex);
	confirmed = slot->data.confirmed_flush;
	SpinLockRelease(&slot->mutex);
	return confirmed;
}
