/*
 * Our output plugin: turns this node's own two-phase transactions into frames
 * for one peer (wire/frame.h).
 *
 * Runs in: a walsender per peer.
 * Path: backend/drive.c (PREPARE in WAL) -> here -> receiver/
 * Locks: none of its own.
 *
 * A transaction is collected in memory and sent in one frame at its PREPARE, or
 * in parts when it is large, so that a small transaction costs one message and
 * memory stays bounded. What other nodes did here is filtered by its origin
 * before it is even collected. Transactions that were not committed through our
 * hook (bypass sessions, purely local writes) are passed over: only ours carry
 * MTM_MESSAGE_COMMIT.
 *
 * To a node that recovers (option `recover`; docs/majority.md, 3.5) everything goes that
 * the cluster committed here, whoever coordinated it, each transaction whole at its
 * COMMIT, and this node's marks. Users' own are sent at their PREPARE, as ever.
 *
 * What ALTER TABLE and REFRESH MATERIALIZED VIEW compute they write into a transient heap,
 * whose files the relation gets at the end. Where it is sent, it goes under the relation's
 * name, as refilled rows.
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "replication/logical.h"
#include "replication/origin.h"
#include "replication/output_plugin.h"
#include "sender/batch.h"
#include "sender/row_types.h"
#include "sender/sent_relation.h"
#include "sender/wakeup.h"
#include "settings.h"
#include "shmem/peers.h"
#include "shmem/transactions.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "wire/commit_message.h"
#include "wire/frame.h"
#include "wire/gid.h"
#include "wire/row.h"
#include "wire/schema_change.h"
#include "wire/unsendable.h"

/* A body is sent in parts of about this size. */
#define PART_SIZE (64 * 1024)
/* A transaction with more than so many changes takes a while. */
#define MANY_CHANGES 100
#define LARGEST_PART (1024 * 1024)

typedef struct PluginState
{
	MemoryContext row_context;	/* reset after every change */
	StringInfoData body;		/* not sent yet */
	uint64		transaction;	/* grows with every transaction decoded */
	bool		passed_over;	/* the current one is not two-phase */
	bool		ours;			/* it carries MTM_MESSAGE_COMMIT */
	bool		in_schema_change;	/* rows are a statement's own, which peers write */
	bool		refilling;		/* rows are put in as on the node that computed them */
	bool		given_up;		/* peers refuse it, whatever it still brings */
	int			flags;
	MtmCommitMessage identity;	/* which it is, when it is ours */
} PluginState;

static int	peer_id = 0;
static bool recovering = false; /* the peer is */

extern void _PG_output_plugin_init(OutputPluginCallbacks *callbacks);

static void
sender_gone(int code, Datum arg)
{
	MtmPeer    *peer = MtmPeerSlot(peer_id);

	SpinLockAcquire(&peer->mutex);
	if (peer->sender_pid == MyProcPid)
	{
		peer->sender_pid = 0;
		peer->sender_latch = NULL;
	}
	SpinLockRelease(&peer->mutex);
}

static void
read_options(List *options)
{
	ListCell   *cell;
	int			version = 0;
	const char *cluster_name = NULL;

	recovering = false;
	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, "version") == 0)
			version = pg_strtoint32(strVal(option->arg));
		else if (strcmp(option->defname, "node_id") == 0)
			peer_id = pg_strtoint32(strVal(option->arg));
		else if (strcmp(option->defname, "cluster_name") == 0)
			cluster_name = strVal(option->arg);
		else if (strcmp(option->defname, "recover") == 0)
			recovering = true;
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown option \"%s\" of the multimaster stream",
							option->defname)));
	}
	if (version != MTM_STREAM_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("node asks for version %d of the multimaster stream, this node speaks %d",
						version, MTM_STREAM_VERSION),
				 errhint("Install the same version of multimaster on all nodes.")));
	if (peer_id < 1 || peer_id > MtmNodeCount() || peer_id == mtm_node_id)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("node %d is not a peer of node %d", peer_id, mtm_node_id)));
	MtmRefuseDropped(peer_id, NULL);
	if (!cluster_name || strcmp(cluster_name, mtm_cluster_name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("node %d belongs to another cluster", peer_id),
				 errdetail("Its multimaster.cluster_name differs from this node's.")));
}

static void
plugin_startup(LogicalDecodingContext *ctx, OutputPluginOptions *options, bool is_init)
{
	PluginState *state = palloc0(sizeof(*state));
	static bool registered = false;
	MtmPeer    *peer;

	if (!MtmConfigured())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("multimaster is not configured on this server"),
				 errhint("Set shared_preload_libraries, multimaster.node_id and multimaster.conn_strings.")));

	options->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;
	options->receive_rewrites = true;
	ctx->output_plugin_private = state;
	ctx->streaming = false;
	if (is_init)
		return;

	read_options(ctx->output_plugin_options);
	ctx->twophase = true;
	/* A slot that is the copy of another one does not know it. */
	ctx->twophase_opt_given = true;
	state->row_context = AllocSetContextCreate(ctx->context, "multimaster row",
											   ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&state->body);

	MtmSentRelationsBegin(ctx->context);
	if (!registered)
	{
		before_shmem_exit(sender_gone, (Datum) 0);
		registered = true;
	}

	peer = MtmPeerSlot(peer_id);
	SpinLockAcquire(&peer->mutex);
	peer->sender_pid = MyProcPid;
	peer->sender_started = GetCurrentTimestamp();
	SpinLockRelease(&peer->mutex);
	MtmSenderTakeOver(peer_id);
	MtmSenderBatchBegin(ctx);
}

static void
plugin_shutdown(LogicalDecodingContext *ctx)
{
	MtmSentRelationsEnd();
}

/*
 * What workers apply for other nodes. Other origins are not ours: a subscription's
 * changes, say, are this node's own as far as the cluster is concerned.
 */
static bool
plugin_filter_origin(LogicalDecodingContext *ctx, RepOriginId origin)
{
	return !recovering && origin == DoNotReplicateId;
}

/* True: it is decoded whole at its COMMIT, not at its PREPARE. */
static bool
plugin_filter_prepare(LogicalDecodingContext *ctx, TransactionId xid, const char *gid)
{
	return recovering && MtmGidIsOurs(gid);
}

static bool
may_take_long(const ReorderBufferTXN *txn)
{
	return txn->nentries > MANY_CHANGES || txn->nsubtxns > 0 || txn->total_size > PART_SIZE ||
		rbtxn_is_serialized(txn);
}

static void
begin(PluginState *state)
{
	state->passed_over = false;
	state->ours = false;
	state->in_schema_change = false;
	state->refilling = false;
	state->given_up = false;
	state->flags = 0;
	memset(&state->identity, 0, sizeof(state->identity));
	state->transaction++;
	resetStringInfo(&state->body);
	MtmSentRelationsDropChanged();
}

/* Not two-phase: nothing of it is sent, but to a node that recovers. */
static void
plugin_begin(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	PluginState *state = ctx->output_plugin_private;

	if (may_take_long(txn))
		MtmSenderBatchWrite();
	if (recovering)
		begin(state);
	else
		state->passed_over = true;
}

static void
plugin_begin_prepare(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	if (may_take_long(txn))
		MtmSenderBatchWrite();
	begin(ctx->output_plugin_private);
}

static void
send_part(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	PluginState *state = ctx->output_plugin_private;

	if (state->body.len < PART_SIZE)
		return;
	/* A huge row in one message would blow up buffers on the way that never shrink. */
	for (int at = 0; at < state->body.len; at += LARGEST_PART)
	{
		OutputPluginPrepareWrite(ctx, true);
		MtmFrameWritePart(ctx->out, txn->xid);
		appendBinaryStringInfo(ctx->out, state->body.data + at,
							   Min(LARGEST_PART, state->body.len - at));
		OutputPluginWrite(ctx, true);
	}
	/* Nor is its memory kept here. */
	if (state->body.maxlen > 16 * PART_SIZE)
	{
		MemoryContext old = MemoryContextSwitchTo(ctx->context);

		pfree(state->body.data);
		initStringInfo(&state->body);
		MemoryContextSwitchTo(old);
	}
	resetStringInfo(&state->body);
}

static void
define_relation(PluginState *state, MtmSentRelation *sent)
{
	int			position;

	if (sent->defined_in == state->transaction)
		return;
	sent->defined_in = state->transaction;
	position = MtmRecordBegin(&state->body, MTM_RECORD_RELATION);
	appendBinaryStringInfo(&state->body, sent->definition.data, sent->definition.len);
	MtmRecordEnd(&state->body, position);
}

static void
write_unsendable(StringInfo body, int sqlstate, const char *message, const char *detail,
				 const char *hint)
{
	int			position = MtmRecordBegin(body, MTM_RECORD_UNSENDABLE);

	MtmUnsendableWrite(body, sqlstate, message, detail, hint);
	MtmRecordEnd(body, position);
}

/* A row whose old version peers could not find. */
static void
write_unidentified(StringInfo body, Relation relation)
{
	char	   *message = psprintf("cannot update or delete rows of relation \"%s.%s\" on other nodes",
								   get_namespace_name(RelationGetNamespace(relation)),
								   RelationGetRelationName(relation));

	write_unsendable(body, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, message,
					 "It has no replica identity by which they could be found.",
					 "ALTER TABLE ... REPLICA IDENTITY FULL, or add a primary key.");
}

/*
 * An error that would come again whenever this is decoded (a row too large for one
 * message, an output function that fails) would stop the stream for good. It becomes
 * every peer's no instead, and nothing more is looked at of this transaction.
 */
static void
give_up(PluginState *state, int body_length, MemoryContext context)
{
	ErrorData  *error;
	int			class;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	class = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	/* Rolled back while it is decoded; or this process is to end. */
	if (class == ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK) ||
		class == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
		PG_RE_THROW();
	FlushErrorState();
	LWLockReleaseAll();

	ereport(LOG,
			(errmsg("a change cannot be sent to node %d: %s", peer_id, error->message)));
	state->body.len = body_length;
	state->given_up = true;
	write_unsendable(&state->body, error->sqlerrcode, error->message,
					 "A change of the transaction cannot be sent to other nodes.",
					 error->hint ? error->hint : "");
}

/*
 * A row whose TOAST was put in again is formed anew and has the mark of a composite value,
 * by which newer servers look its type up: with a lock on the relation that the
 * transaction may hold exclusively. No decoded row has a ctid.
 */
static TupleTableSlot *
store(TupleTableSlot *slot, ReorderBufferTupleBuf *tuple)
{
	ItemPointerSetInvalid(&tuple->tuple.t_data->t_ctid);
	ExecStoreHeapTuple(&tuple->tuple, slot, false);
	return slot;
}

static bool
is_refilled(const PluginState *state, Relation relation)
{
	return state->refilling || OidIsValid(relation->rd_rel->relrewrite) ||
		relation->rd_rel->relkind == RELKIND_MATVIEW;
}

static void
write_change(PluginState *state, MtmSentRelation *sent, Relation relation,
			 ReorderBufferChange *change)
{
	StringInfo	body = &state->body;
	ReorderBufferTupleBuf *old = change->data.tp.oldtuple;
	ReorderBufferTupleBuf *new = change->data.tp.newtuple;
	int			position;

	switch (change->action)
	{
		case REORDER_BUFFER_CHANGE_INSERT:
			position = MtmRecordBegin(body, is_refilled(state, relation) ?
									  MTM_RECORD_REFILL : MTM_RECORD_INSERT);
			pq_sendint32(body, sent->id);
			MtmRowWrite(body, sent->writer, store(sent->new_slot, new));
			break;
		case REORDER_BUFFER_CHANGE_UPDATE:
			position = MtmRecordBegin(body, MTM_RECORD_UPDATE);
			pq_sendint32(body, sent->id);
			pq_sendint8(body, old != NULL);
			if (old)
				MtmRowWrite(body, sent->writer, store(sent->old_slot, old));
			MtmRowWrite(body, sent->writer, store(sent->new_slot, new));
			break;
		case REORDER_BUFFER_CHANGE_DELETE:
			position = MtmRecordBegin(body, MTM_RECORD_DELETE);
			pq_sendint32(body, sent->id);
			MtmRowWrite(body, sent->writer, store(sent->old_slot, old));
			break;
		default:
			return;
	}
	MtmRecordEnd(body, position);
	ExecClearTuple(sent->old_slot);
	ExecClearTuple(sent->new_slot);
}

static bool
sendable(MtmSentRelation *sent, ReorderBufferChange *change)
{
	switch (change->action)
	{
		case REORDER_BUFFER_CHANGE_UPDATE:
			return sent->identified;
		case REORDER_BUFFER_CHANGE_DELETE:
			return sent->identified && change->data.tp.oldtuple != NULL;
		default:
			return true;
	}
}

static bool
looked_at(const PluginState *state)
{
	return !state->passed_over && !state->in_schema_change && !state->given_up;
}

/* Whose row is it? For a transient heap that is another relation, opened without a lock. */
static Relation
open_owner(Relation relation)
{
	Relation	owner = relation;

	if (OidIsValid(relation->rd_rel->relrewrite))
		owner = RelationIdGetRelation(relation->rd_rel->relrewrite);
	if (!RelationIsValid(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation->rd_rel->relrewrite)));
	return owner;
}

static void
close_owner(Relation owner, Relation relation)
{
	if (owner != relation)
		RelationClose(owner);
}

static void
plugin_change(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			  Relation relation, ReorderBufferChange *change)
{
	PluginState *state = ctx->output_plugin_private;
	int			length = state->body.len;
	MemoryContext old;
	Relation	owner;

	if (!looked_at(state))
		return;

	owner = open_owner(relation);
	old = MemoryContextSwitchTo(state->row_context);
	PG_TRY();
	{
		MtmSentRelation *sent = MtmSentRelationLookup(owner, relation->rd_rel->relpersistence);

		if (sent->replicated)
		{
			define_relation(state, sent);
			MtmCompositeTypesLoad(sent->composites);
			if (sendable(sent, change))
				write_change(state, sent, relation, change);
			else
				write_unidentified(&state->body, owner);
		}
	}
	PG_CATCH();
	{
		give_up(state, length, state->row_context);
	}
	PG_END_TRY();
	close_owner(owner, relation);
	send_part(ctx, txn);
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
}

static void
plugin_truncate(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, int count,
				Relation truncated[], ReorderBufferChange *change)
{
	PluginState *state = ctx->output_plugin_private;
	MemoryContext old;
	Oid		   *ids;
	int			sent_count = 0;
	int			position;

	if (!looked_at(state))
		return;

	old = MemoryContextSwitchTo(state->row_context);
	ids = palloc(sizeof(Oid) * count);
	for (int i = 0; i < count; i++)
	{
		MtmSentRelation *sent = MtmSentRelationLookup(truncated[i],
													  truncated[i]->rd_rel->relpersistence);

		if (!sent->replicated)
			continue;
		define_relation(state, sent);
		ids[sent_count++] = sent->id;
	}
	if (sent_count > 0)
	{
		position = MtmRecordBegin(&state->body, MTM_RECORD_TRUNCATE);
		pq_sendint8(&state->body,
					(change->data.truncate.cascade ? 1 : 0) |
					(change->data.truncate.restart_seqs ? 2 : 0));
		pq_sendint16(&state->body, sent_count);
		for (int i = 0; i < sent_count; i++)
			pq_sendint32(&state->body, ids[i]);
		MtmRecordEnd(&state->body, position);
		send_part(ctx, txn);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
}

static void
write_mark(LogicalDecodingContext *ctx, const char *content, XLogRecPtr end_lsn)
{
	MtmFrame	frame;

	memset(&frame, 0, sizeof(frame));
	frame.kind = MTM_FRAME_MARK;
	memcpy(&frame.generation, content, sizeof(frame.generation));
	frame.end_lsn = end_lsn;
	OutputPluginPrepareWrite(ctx, true);
	MtmFrameWrite(ctx->out, &frame);
	OutputPluginWrite(ctx, true);
}

static void
plugin_message(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, XLogRecPtr lsn,
			   bool transactional, const char *prefix, Size size, const char *message)
{
	PluginState *state = ctx->output_plugin_private;
	char		kind;
	int			position;

	if (!transactional)
	{
		if (recovering && strcmp(prefix, MTM_MESSAGE_MARK) == 0 && size == sizeof(uint64))
			write_mark(ctx, message, lsn);
		return;
	}
	if (strncmp(prefix, MTM_MESSAGE_PREFIX, strlen(MTM_MESSAGE_PREFIX)) != 0 || state->passed_over)
		return;

	if (strcmp(prefix, MTM_MESSAGE_COMMIT) == 0)
	{
		if (MtmCommitMessageRead(message, size, &state->identity))
		{
			state->ours = true;
			state->flags |= state->identity.flags;
		}
		return;
	}
	if (strcmp(prefix, MTM_MESSAGE_SCHEMA_END) == 0)
	{
		state->in_schema_change = false;
		return;
	}
	if (strcmp(prefix, MTM_MESSAGE_REFILL) == 0)
	{
		state->refilling = size > 0;
		return;
	}
	if (strcmp(prefix, MTM_MESSAGE_SCHEMA) == 0)
	{
		state->in_schema_change = MtmSchemaChangeHidesRows(message, size);
		state->flags |= MTM_TX_SCHEMA_CHANGE;
		kind = MTM_RECORD_SCHEMA;
	}
	else if (strcmp(prefix, MTM_MESSAGE_NOTIFY) == 0)
	{
		state->flags |= MTM_TX_NOTIFIES;
		kind = MTM_RECORD_NOTIFY;
	}
	else if (strcmp(prefix, MTM_MESSAGE_SEQUENCE) == 0)
		kind = MTM_RECORD_SEQUENCE;
	else if (strcmp(prefix, MTM_MESSAGE_OWNER) == 0)
		kind = MTM_RECORD_OWNER;
	else if (strcmp(prefix, MTM_MESSAGE_EXECUTED) == 0)
		kind = MTM_RECORD_EXECUTED;
	else
		return;

	position = MtmRecordBegin(&state->body, kind);
	appendBinaryStringInfo(&state->body, message, size);
	MtmRecordEnd(&state->body, position);
	send_part(ctx, txn);
}

/* The rest of a frame, from what is known of the transaction; then it is sent. */
static void
write_frame(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, MtmFrame *frame,
			StringInfo body)
{
	frame->xid = txn->xid;
	frame->end_lsn = txn->end_lsn;
	OutputPluginPrepareWrite(ctx, true);
	MtmFrameWrite(ctx->out, frame);
	if (body)
		appendBinaryStringInfo(ctx->out, body->data, body->len);
	OutputPluginWrite(ctx, true);
	if (frame->flags & MTM_TX_SCHEMA_CHANGE)
		MtmSenderBatchWrite();
	MtmSenderQuiet();
}

static void
write_outcome(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, char kind)
{
	MtmFrame	frame;

	memset(&frame, 0, sizeof(frame));
	frame.kind = kind;
	frame.time = txn->xact_time.commit_time;
	strlcpy(frame.gid, txn->gid, MTM_GID_SIZE);
	write_frame(ctx, txn, &frame, NULL);
}

/*
 * Where its coordinator has the outcome: here, or where the lane that executed it took
 * it from (apply/lane.c sets an origin; a ballot does not).
 */
static XLogRecPtr
coordinator_end_lsn(const PluginState *state, const ReorderBufferTXN *txn)
{
	const MtmCommitMessage *identity = &state->identity;

	if (identity->flags & MTM_TX_RECOVERED)
		return identity->coordinator_end_lsn;
	if (identity->identity.coordinator == mtm_node_id)
		return txn->end_lsn;
	if (txn->origin_id != InvalidRepOriginId && txn->origin_id != DoNotReplicateId)
		return txn->origin_lsn;
	return InvalidXLogRecPtr;
}

static XLogRecPtr
coordinator_prepare_lsn(const PluginState *state, const ReorderBufferTXN *txn)
{
	return state->identity.identity.coordinator == mtm_node_id ? txn->end_lsn :
		state->identity.coordinator_end_lsn;
}

static void
write_recovered(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, char kind,
				TimestampTz time)
{
	PluginState *state = ctx->output_plugin_private;
	const MtmCommitMessage *identity = &state->identity;
	MtmFrame	frame;

	memset(&frame, 0, sizeof(frame));
	frame.kind = kind;
	frame.flags = state->flags & ~MTM_TX_RECOVERED;
	frame.coordinator = identity->identity.coordinator;
	frame.coordinator_xid = identity->identity.xid;
	frame.generation = identity->identity.generation;
	frame.coordinator_end_lsn = kind == MTM_FRAME_WHOLE ?
		coordinator_end_lsn(state, txn) : coordinator_prepare_lsn(state, txn);
	frame.time = time;
	MtmCommitMessageGid(identity, frame.gid);
	write_frame(ctx, txn, &frame, &state->body);
}

static void
plugin_commit(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, XLogRecPtr lsn)
{
	PluginState *state = ctx->output_plugin_private;

	if (recovering && state->ours)
		write_recovered(ctx, txn, MTM_FRAME_WHOLE, txn->xact_time.commit_time);
	else
		OutputPluginUpdateProgress(ctx, true);
	resetStringInfo(&state->body);
}

static void
plugin_prepare(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, XLogRecPtr lsn)
{
	PluginState *state = ctx->output_plugin_private;
	int			flags = state->flags;

	/* Rolled back while we decoded: what we have may be a part only. */
	if (txn->concurrent_abort)
		flags |= MTM_TX_INCOMPLETE;
	if (recovering && state->ours && !txn->concurrent_abort)
		write_recovered(ctx, txn, MTM_FRAME_USERS, txn->xact_time.prepare_time);
	else if (!recovering &&
			 (state->ours || (txn->concurrent_abort && MtmGidIsOurs(txn->gid))))
	{
		MtmFrame	frame;

		memset(&frame, 0, sizeof(frame));
		frame.kind = MTM_FRAME_PREPARE;
		frame.flags = flags;
		frame.generation = state->identity.identity.generation;
		frame.time = txn->xact_time.prepare_time;
		strlcpy(frame.gid, txn->gid, MTM_GID_SIZE);
		write_frame(ctx, txn, &frame, &state->body);
	}
	else
		OutputPluginUpdateProgress(ctx, true);
	resetStringInfo(&state->body);
}

/*
 * Is this outcome for us to tell? Lanes execute those of other nodes under their
 * own origins, which the filter lets pass. A user's gid does not say whose it is, but
 * the PREPARE of another node's was passed over.
 */
static bool
our_outcome(const ReorderBufferTXN *txn)
{
	MtmGid		gid;

	if (recovering)
		return true;			/* all users' */
	if (MtmGidParse(txn->gid, &gid))
		return gid.coordinator == mtm_node_id;
	return txn->origin_id == InvalidRepOriginId && !rbtxn_skip_prepared(txn);
}

static void
plugin_commit_prepared(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, XLogRecPtr lsn)
{
	if (our_outcome(txn))
		write_outcome(ctx, txn, MTM_FRAME_COMMIT);
	else
		OutputPluginUpdateProgress(ctx, true);
}

static void
plugin_rollback_prepared(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
						 XLogRecPtr prepare_end_lsn, TimestampTz prepare_time)
{
	if (our_outcome(txn))
		write_outcome(ctx, txn, MTM_FRAME_ROLLBACK);
	else
		OutputPluginUpdateProgress(ctx, true);
}

void
_PG_output_plugin_init(OutputPluginCallbacks *callbacks)
{
	callbacks->startup_cb = plugin_startup;
	callbacks->shutdown_cb = plugin_shutdown;
	callbacks->filter_by_origin_cb = plugin_filter_origin;
	callbacks->filter_prepare_cb = plugin_filter_prepare;
	callbacks->begin_cb = plugin_begin;
	callbacks->commit_cb = plugin_commit;
	callbacks->begin_prepare_cb = plugin_begin_prepare;
	callbacks->prepare_cb = plugin_prepare;
	callbacks->commit_prepared_cb = plugin_commit_prepared;
	callbacks->rollback_prepared_cb = plugin_rollback_prepared;
	callbacks->change_cb = plugin_change;
	callbacks->truncate_cb = plugin_truncate;
	callbacks->message_cb = plugin_message;
}
