/*
 * NOTIFY and LISTEN in a transaction that is committed on all nodes.
 *
 * Runs in: the committing backend.
 * Path: PostgreSQL's pending list -> here -> N records of the transaction's
 *       stream (peers), and the transaction after the commit (this node)
 * Locks: PostgreSQL's own of the notification queue: the heavyweight one keeps other
 *        writers out while our entries are read, NotifyQueueTailLock keeps their pages.
 *
 * PREPARE refuses a transaction that has notifications, and their list is private
 * to PostgreSQL. So they are read back from where PreCommit_Notify puts them:
 * a subtransaction queues them and is rolled back, which makes the entries dead
 * for every listener; what was written between the old and the new head of the
 * queue is the list, free of duplicates and of what rolled-back savepoints
 * notified. They are sent for good by the transaction that follows the commit.
 *
 * Queueing them under the prepared transaction itself was rejected: listeners
 * stop at the first transaction in progress, so one in doubt would silence
 * all channels, and the lock on the queue would be kept until the outcome.
 */
#include "postgres.h"

#include "access/slru.h"
#include "access/xact.h"
#include "backend/notifications.h"
#include "catalog/pg_database.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "replication/message.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "wire/frame.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 160000
#error "the layout of the notification queue was read for PostgreSQL 15"
#endif

/* The structures of src/backend/commands/async.c, PostgreSQL 15. */
typedef struct QueuePosition
{
	int			page;
	int			offset;
} QueuePosition;

typedef struct QueueBackendStatus
{
	int32		pid;
	Oid			dboid;
	BackendId	next_listener;
	QueuePosition pos;
} QueueBackendStatus;

typedef struct QueueControl
{
	QueuePosition head;
	QueuePosition tail;
	int			stop_page;
	BackendId	first_listener;
	TimestampTz last_fill_warning;
	QueueBackendStatus backend[FLEXIBLE_ARRAY_MEMBER];
} QueueControl;

typedef struct QueueEntry
{
	int			length;
	Oid			dboid;
	TransactionId xid;
	int32		pid;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} QueueEntry;

typedef struct Listen
{
	char	   *channel;		/* NULL: all */
	bool		listen;
	SubTransactionId subtransaction;
} Listen;

typedef struct Notification
{
	char	   *channel;
	char	   *payload;
} Notification;

/* In TopMemoryContext until delivered or forgotten. */
static List *to_notify = NIL;
static List *listens = NIL;

static QueueControl *control = NULL;
static SlruCtlData slru;

#define QUEUE_MAX_PAGE (SLRU_PAGES_PER_SEGMENT * 0x10000 - 1)

/* Page numbers go round. */
static bool
page_precedes(int a, int b)
{
	int			difference = a - b;

	if (difference >= (QUEUE_MAX_PAGE + 1) / 2)
		difference -= QUEUE_MAX_PAGE + 1;
	else if (difference < -((QUEUE_MAX_PAGE + 1) / 2))
		difference += QUEUE_MAX_PAGE + 1;
	return difference < 0;
}

static void
attach_queue(void)
{
	Size		size;
	bool		found;

	if (control)
		return;
	size = mul_size(MaxBackends + 1, sizeof(QueueBackendStatus));
	size = add_size(size, offsetof(QueueControl, backend));
	slru.PagePrecedes = page_precedes;
	SimpleLruInit(&slru, "Notify", NUM_NOTIFY_BUFFERS, 0, NotifySLRULock,
				  "pg_notify", LWTRANCHE_NOTIFY_BUFFER, SYNC_HANDLER_NONE);
	control = ShmemInitStruct("Async Queue Control", size, &found);
}

static QueuePosition
queue_head(void)
{
	QueuePosition head;

	LWLockAcquire(NotifyQueueLock, LW_SHARED);
	head = control->head;
	LWLockRelease(NotifyQueueLock);
	return head;
}

static void
remember(const char *channel, const char *payload)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Notification *notification = palloc(sizeof(*notification));

	notification->channel = pstrdup(channel);
	notification->payload = pstrdup(payload);
	to_notify = lappend(to_notify, notification);
	MemoryContextSwitchTo(old);
}

/* Our entries between two heads; the queue's lock keeps other writers out. */
static void
read_entries(QueuePosition from, QueuePosition to, TransactionId xid)
{
	QueuePosition position = from;
	char	   *page = palloc(BLCKSZ);

	while (position.page != to.page || position.offset != to.offset)
	{
		int			end = position.page == to.page ? to.offset : BLCKSZ;
		int			slot = SimpleLruReadPage_ReadOnly(&slru, position.page,
													  InvalidTransactionId);

		memcpy(page, slru.shared->page_buffer[slot], BLCKSZ);
		LWLockRelease(NotifySLRULock);

		while (position.offset + (int) offsetof(QueueEntry, data) + 2 <= end)
		{
			QueueEntry *entry = (QueueEntry *) (page + position.offset);

			if (entry->length < (int) offsetof(QueueEntry, data) + 2)
				ereport(ERROR,
						(errcode(ERRCODE_DATA_CORRUPTED),
						 errmsg("unexpected entry in the notification queue")));
			if (entry->dboid == MyDatabaseId && entry->xid == xid)
				remember(entry->data, entry->data + strlen(entry->data) + 1);
			position.offset += entry->length;
		}
		if (position.page == to.page)
			break;
		position.page = position.page == QUEUE_MAX_PAGE ? 0 : position.page + 1;
		position.offset = 0;
	}
	pfree(page);
}

bool
MtmNotificationsPending(void)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool pending = false;

	/* The only question PostgreSQL answers about the list: it has no effects. */
	PG_TRY();
	{
		AtPrepare_Notify();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		pending = true;
	}
	PG_END_TRY();
	return pending;
}

static void
send_along(const Notification *notification)
{
	StringInfoData message;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, notification->channel,
						   strlen(notification->channel) + 1);
	appendBinaryStringInfo(&message, notification->payload,
						   strlen(notification->payload) + 1);
	LogLogicalMessage(MTM_MESSAGE_NOTIFY, message.data, message.len, true);
	pfree(message.data);
}

int
MtmNotificationsTake(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	QueuePosition before;
	ListCell   *cell;

	attach_queue();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	/* The lock that PreCommit_Notify takes: nobody else moves the head. */
	LockSharedObject(DatabaseRelationId, InvalidOid, 0, AccessExclusiveLock);
	/* With no listener that is behind, a full segment could be removed at once. */
	LWLockAcquire(NotifyQueueTailLock, LW_SHARED);
	before = queue_head();
	PreCommit_Notify();
	if (TransactionIdIsValid(GetCurrentTransactionIdIfAny()))
		read_entries(before, queue_head(), GetCurrentTransactionId());
	LWLockRelease(NotifyQueueTailLock);
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (to_notify == NIL)
		return 0;
	foreach(cell, to_notify)
		send_along(lfirst(cell));
	return list_length(to_notify);
}

bool
MtmNotificationsToDeliver(void)
{
	return to_notify != NIL || listens != NIL;
}

void
MtmNotificationsDeliver(void)
{
	ListCell   *cell;

	foreach(cell, listens)
	{
		Listen	   *listen = lfirst(cell);

		if (listen->listen)
			Async_Listen(listen->channel);
		else if (listen->channel)
			Async_Unlisten(listen->channel);
		else
			Async_UnlistenAll();
	}
	foreach(cell, to_notify)
	{
		Notification *notification = lfirst(cell);

		Async_Notify(notification->channel, notification->payload);
	}
	MtmNotificationsForget();
}

static void
free_listen(Listen *listen)
{
	if (listen->channel)
		pfree(listen->channel);
	pfree(listen);
}

void
MtmNotificationsForget(void)
{
	ListCell   *cell;

	foreach(cell, to_notify)
	{
		Notification *notification = lfirst(cell);

		pfree(notification->channel);
		pfree(notification->payload);
		pfree(notification);
	}
	list_free(to_notify);
	to_notify = NIL;
	foreach(cell, listens)
		free_listen(lfirst(cell));
	list_free(listens);
	listens = NIL;
}

/* What a savepoint listened to goes with it, or belongs to its parent. */
static void
on_subtransaction_event(SubXactEvent event, SubTransactionId mine,
						SubTransactionId parent, void *arg)
{
	ListCell   *cell;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	foreach(cell, listens)
	{
		Listen	   *listen = lfirst(cell);

		if (listen->subtransaction != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			listen->subtransaction = parent;
		else
		{
			listens = foreach_delete_current(listens, cell);
			free_listen(listen);
		}
	}
}

static void
add_listen(const char *channel, bool is_listen)
{
	static bool registered = false;
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Listen	   *listen = palloc(sizeof(*listen));

	if (!registered)
		RegisterSubXactCallback(on_subtransaction_event, NULL);
	registered = true;
	listen->channel = channel ? pstrdup(channel) : NULL;
	listen->listen = is_listen;
	listen->subtransaction = GetCurrentSubTransactionId();
	listens = lappend(listens, listen);
	MemoryContextSwitchTo(old);
}

void
MtmNotificationsListen(const char *channel)
{
	add_listen(channel, true);
}

void
MtmNotificationsUnlisten(const char *channel)
{
	add_listen(channel, false);
}
