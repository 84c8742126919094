/*
 * Advisory locks over all nodes; see advisory_locks.h.
 *
 * Runs in: the client's backend.
 * Path: backend/advisory_calls.c -> here -> PostgreSQL's lock manager on this node,
 *       backend/advisory_peers.c on the others
 * Locks: PostgreSQL's, on every member in the order of their ids, this node in its turn. So
 *        two sessions that want the same lock meet on the first member, where one waits.
 *
 * Why two sessions never have the same lock is in docs/advisory_locks.md, as numbered
 * observations. What this node's lock manager says is the truth about what this session
 * holds, by its session, its transaction and its subtransactions: on the other nodes the session
 * has each lock once, and gives it back when it is not held here any more.
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/advisory_locks.h"
#include "backend/advisory_peers.h"
#include "backend/drive.h"
#include "backend/statement_gate.h"
#include "backend/wait_shown.h"
#include "backend/written.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "pqexpbuffer.h"
#include "settings.h"
#include "shmem/lease.h"
#include "shmem/lock_sessions.h"
#include "shmem/view.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* How often the nodes are asked again while the cluster changes. */
#define AGAIN_MS 50

typedef struct Held
{
	MtmAdvisoryKey key;
	bool		of_transaction; /* it may go with the transaction, or a part of it */
} Held;

static HTAB *held = NULL;
/* MtmViewTimesOut() before the first of them was taken. */
static uint64 times_out_before;
/* What PostgreSQL lets go of now. */
static enum
{
	NOTHING, OF_SUBTRANSACTION, OF_TRANSACTION
}			ending = NOTHING;

bool
MtmAdvisoryOfCluster(void)
{
	/* In no cluster yet, there are no other nodes. */
	return mtm_cluster_advisory_locks && !MtmProcessExempt() && MtmViewGeneration() != 0;
}

static bool
holds_some(void)
{
	return held && hash_get_num_entries(held) > 0;
}

static void
make_key(MtmAdvisoryKey *key, const LOCKTAG *tag, LOCKMODE mode)
{
	memset(key, 0, sizeof(*key));
	key->tag = *tag;
	key->mode = mode;
}

static Held *
find_held(const MtmAdvisoryKey *key)
{
	return held ? hash_search(held, key, HASH_FIND, NULL) : NULL;
}

static void
note_held(const MtmAdvisoryKey *key, bool session)
{
	bool		found;
	Held	   *entry;

	if (!held)
	{
		HASHCTL		info;

		memset(&info, 0, sizeof(info));
		info.keysize = sizeof(MtmAdvisoryKey);
		info.entrysize = sizeof(Held);
		info.hcxt = TopMemoryContext;
		held = hash_create("multimaster advisory locks", 16, &info,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(held, key, HASH_ENTER, &found);
	entry->of_transaction = !session || (found && entry->of_transaction);
}

static void
leave_if_none(void)
{
	if (!holds_some())
		MtmLockSessionLeave();
}

/*---------------------------------------------------------------------------
 * Losing them.
 */
void
MtmAdvisoryCheck(void)
{
	if (holds_some() && MtmViewTimesOut() != times_out_before)
		ereport(FATAL,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("terminating connection because its advisory locks of the cluster are lost"),
				 errdetail("This node was out of the cluster meanwhile, and others may have them.")));
}

/*---------------------------------------------------------------------------
 * Taking one.
 */

/* The view under which a lock can be taken. Waits while the cluster changes its members. */
static MtmViewData
online_view(void)
{
	for (;;)
	{
		MtmViewData view = MtmViewGet();

		if (view.status == MTM_ONLINE)
		{
			MtmWaitForLease();
			return view;
		}
		if (view.status != MTM_RECOVERY || MtmViewIsOut(&view))
			MtmRefuseNotOnline(view.status);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, AGAIN_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static MtmAdvisoryAnswer
take_here(const MtmAdvisoryWish *wish, bool session)
{
	return LockAcquire(&wish->key.tag, wish->key.mode, session, !wish->wait) ==
		LOCKACQUIRE_NOT_AVAIL ? MTM_ADVISORY_BUSY : MTM_ADVISORY_GOT;
}

/*
 * The locks of nodes before this one may have been lost before it had its own: are they there?
 * Without waiting, as this would be out of order.
 */
static MtmAdvisoryAnswer
confirm_before_own(const MtmAdvisoryWish *wish, MtmNodeSet members)
{
	MtmAdvisoryWish again = *wish;

	again.wait = false;
	for (int node_id = 1; node_id < mtm_node_id; node_id++)
	{
		if (MTM_IN_SET(members, node_id) &&
			MtmAdvisoryTakeOn(node_id, &again) != MTM_ADVISORY_GOT)
			return MTM_ADVISORY_CHANGED;
	}
	return MTM_ADVISORY_GOT;
}

/* Was all of it while this node was online in this generation? */
static bool
is_still(const MtmViewData *view)
{
	MtmViewData now = MtmViewGet();

	return now.status == MTM_ONLINE && now.generation == view->generation &&
		MtmLeaseHolds() && MtmViewTimesOut() == times_out_before;
}

static MtmAdvisoryAnswer
take_on_members(MtmAdvisoryWish *wish, const MtmViewData *view, bool session,
				volatile bool *here)
{
	MtmAdvisoryAnswer answer = MTM_ADVISORY_GOT;

	for (int node_id = 1; node_id <= MTM_MAX_NODES && answer == MTM_ADVISORY_GOT; node_id++)
	{
		if (node_id == mtm_node_id)
		{
			answer = take_here(wish, session);
			*here = answer == MTM_ADVISORY_GOT;
		}
		else if (MTM_IN_SET(view->members, node_id))
			answer = MtmAdvisoryTakeOn(node_id, wish);
	}
	if (answer == MTM_ADVISORY_GOT)
		answer = confirm_before_own(wish, view->members);
	/* What the one before did under it is to be seen. */
	if (answer == MTM_ADVISORY_GOT && (!MtmWaitCausal() || !is_still(view)))
		answer = MTM_ADVISORY_CHANGED;
	return answer;
}

static void
give_back_on_peers(const MtmAdvisoryKey *key)
{
	PQExpBufferData list;

	initPQExpBuffer(&list);
	MtmAdvisoryListKey(&list, key);
	MtmAdvisoryReleaseOnPeers(&list);
	termPQExpBuffer(&list);
}

static MtmAdvisoryAnswer
try_to_take(MtmAdvisoryWish *wish, const MtmViewData *view, bool session)
{
	const MtmAdvisoryKey *key = &wish->key;
	bool		had_before = LockHeldByMe(&key->tag, key->mode);
	volatile bool here = false;
	volatile MtmAdvisoryAnswer answer = MTM_ADVISORY_CHANGED;

	PG_TRY();
	{
		answer = take_on_members(wish, view, session, &here);
		if (answer == MTM_ADVISORY_GOT)
			note_held(key, session);
	}
	PG_CATCH();
	{
		/*
		 * A wait may be granted at the moment when it is cancelled. A lock of the
		 * transaction goes with that.
		 */
		if (session && (here || (!had_before && LockHeldByMe(&key->tag, key->mode))))
			(void) LockRelease(&key->tag, key->mode, true);
		give_back_on_peers(key);
		leave_if_none();
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (answer == MTM_ADVISORY_GOT)
		return answer;
	if (here)
		(void) LockRelease(&key->tag, key->mode, session);
	give_back_on_peers(key);
	return answer;
}

static bool
take_everywhere(const MtmAdvisoryKey *key, bool session, bool wait)
{
	MtmAdvisoryWish wish = {.key = *key,.wait = wait};

	if (wait && LockTimeout > 0)
		wish.end_ms = MtmNowMs() + LockTimeout;
	for (;;)
	{
		MtmViewData view = online_view();
		MtmAdvisoryAnswer answer;

		MtmAdvisoryCheck();
		if (!holds_some())
			times_out_before = MtmViewTimesOut();
		if (wish.generation != view.generation)
			wish.unreachable_since_ms = 0;
		wish.generation = view.generation;
		MtmLockSessionEnter(mtm_node_id);
		answer = try_to_take(&wish, &view, session);
		leave_if_none();
		if (answer != MTM_ADVISORY_CHANGED)
			return answer == MTM_ADVISORY_GOT;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, AGAIN_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

bool
MtmAdvisoryTake(const LOCKTAG *tag, LOCKMODE mode, bool session, bool wait)
{
	MtmAdvisoryKey key;
	Held	   *entry;

	make_key(&key, tag, mode);
	entry = find_held(&key);
	if (entry && LockHeldByMe(tag, mode))
	{
		MtmAdvisoryCheck();
		(void) LockAcquire(tag, mode, session, !wait);
		entry->of_transaction = entry->of_transaction || !session;
		return true;
	}
	if (MtmAdvisoryOfCluster())
		return take_everywhere(&key, session, wait);
	return LockAcquire(tag, mode, session, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/*---------------------------------------------------------------------------
 * Letting go of them. Nothing is raised: it is also called while a transaction ends.
 */

/* Those that are not held here any more. */
static void
release_on_peers(bool (*may_be_gone) (Held *entry))
{
	HASH_SEQ_STATUS scan;
	PQExpBufferData list;
	Held	   *entry;

	if (!holds_some())
		return;
	initPQExpBuffer(&list);
	hash_seq_init(&scan, held);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (!may_be_gone(entry) || LockHeldByMe(&entry->key.tag, entry->key.mode))
			continue;
		MtmAdvisoryListKey(&list, &entry->key);
		(void) hash_search(held, &entry->key, HASH_REMOVE, NULL);
	}
	if (list.len > 0 || PQExpBufferDataBroken(list))
		MtmAdvisoryReleaseOnPeers(&list);
	termPQExpBuffer(&list);
	leave_if_none();
}

static bool
any(Held *entry)
{
	return true;
}

static bool
of_transaction(Held *entry)
{
	return entry->of_transaction;
}

/*
 * What is still held then is the session's. What the session gave back meanwhile where the call
 * was not seen is gone as well.
 */
static bool
of_ended_transaction(Held *entry)
{
	entry->of_transaction = false;
	return true;
}

void
MtmAdvisoryReleased(void)
{
	release_on_peers(any);
}

void
MtmAdvisoryReleasedOne(const LOCKTAG *tag, LOCKMODE mode)
{
	MtmAdvisoryKey key;

	make_key(&key, tag, mode);
	if (!find_held(&key) || LockHeldByMe(tag, mode))
		return;
	(void) hash_search(held, &key, HASH_REMOVE, NULL);
	give_back_on_peers(&key);
	leave_if_none();
}

void
MtmAdvisoryDiscard(void)
{
	release_on_peers(any);
	if (!holds_some())
		MtmAdvisoryDisconnect();
}

void
MtmAdvisoryCommitted(void)
{
	release_on_peers(of_ended_transaction);
}

/* PREPARE lets go of nothing: the prepared transaction has the locks here until its outcome. */
static void
on_transaction_event(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		ending = OF_TRANSACTION;
}

static void
on_subtransaction_event(SubXactEvent event, SubTransactionId mine,
						SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		ending = OF_SUBTRANSACTION;
}

static void
on_resource_release(ResourceReleasePhase phase, bool commit, bool top_level, void *arg)
{
	if (phase != RESOURCE_RELEASE_AFTER_LOCKS || ending == NOTHING)
		return;
	release_on_peers(ending == OF_TRANSACTION ? of_ended_transaction : of_transaction);
	ending = NOTHING;
}

void
MtmAdvisoryRefusePrepare(void)
{
	HASH_SEQ_STATUS scan;
	Held	   *entry;

	if (!holds_some())
		return;
	hash_seq_init(&scan, held);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (!entry->of_transaction)
			continue;
		hash_seq_term(&scan);
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that holds advisory locks of the cluster"),
				 errdetail("A prepared transaction has no session that could hold them on the other nodes."),
				 errhint("Use locks of the session, such as pg_advisory_lock().")));
	}
}

void
MtmAdvisoryInstallHooks(void)
{
	RegisterXactCallback(on_transaction_event, NULL);
	RegisterSubXactCallback(on_subtransaction_event, NULL);
	RegisterResourceReleaseCallback(on_resource_release, NULL);
}
