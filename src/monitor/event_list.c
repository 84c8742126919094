/*
 * What happened since the last step; see event_list.h.
 *
 * Runs in: the monitor.
 * Path: shmem/events.c, shmem/peers.c -> here -> monitor/monitor.c
 * Locks: none of its own.
 *
 * Links and streams are levels: what the control plane was told last is compared with
 * what is. A connection that was replaced by another between two looks is told as lost
 * and back again, since messages may have been lost with it.
 */
#include "postgres.h"

#include "monitor/event_list.h"
#include "monotonic_time.h"
#include "settings.h"
#include "shmem/events.h"
#include "shmem/peers.h"
#include "shmem/recovery.h"
#include "utils/json.h"

/* So much is told in one step; the rest follows at once. */
#define STEP_BYTES (256 * 1024)

typedef struct Told
{
	bool		link;
	uint64		link_in_epoch;
	uint64		link_out_epoch;
	bool		gone;
	bool		stream;
	TimestampTz stream_started;
} Told;

static Told told[MTM_MAX_NODES];
static bool started = false;
static bool more_queued = true;
static uint64 told_passed = 0;

static void
append_kind(StringInfo out, const char *kind)
{
	appendStringInfo(out, "%s{\"kind\":\"%s\"",
					 out->data[out->len - 1] == '[' ? "" : ",", kind);
}

static void
append_level(StringInfo out, const char *kind, int peer)
{
	append_kind(out, kind);
	appendStringInfo(out, ",\"peer\":%d}", peer);
}

/* `again`: it is another one than was told, though up both times. */
static void
append_change(StringInfo out, int peer, bool was, bool is, bool again,
			  const char *up, const char *down)
{
	if (was && (!is || again))
		append_level(out, down, peer);
	if (is && (!was || again))
		append_level(out, up, peer);
}

static Told
level_of(int node_id)
{
	MtmPeer		peer = MtmPeerCopy(node_id);
	Told		now = {
		.link = peer.link_in && peer.link_out,
		.link_in_epoch = peer.link_in_epoch,
		.link_out_epoch = peer.link_out_epoch,
		.gone = peer.gone && !peer.link_in && !peer.link_out,
		.stream = peer.stream,
		.stream_started = peer.receiver_started,
	};

	return now;
}

static bool
link_again(const Told *was, const Told *now)
{
	return was->link && now->link && (was->link_in_epoch != now->link_in_epoch ||
									  was->link_out_epoch != now->link_out_epoch);
}

static bool
stream_again(const Told *was, const Told *now)
{
	return was->stream && now->stream && was->stream_started != now->stream_started;
}

static bool
level_changed(const Told *was, const Told *now)
{
	return was->link != now->link || was->stream != now->stream ||
		(now->gone && !was->gone) || link_again(was, now) || stream_again(was, now);
}

static void
append_levels(StringInfo out)
{
	MtmForEachPeer(node_id)
	{
		Told	   *was = &told[node_id - 1];
		Told		now = level_of(node_id);

		append_change(out, node_id, was->link, now.link, link_again(was, &now),
					  "link_up", "link_down");
		if (now.gone && !was->gone)
			append_level(out, "gone", node_id);
		append_change(out, node_id, was->stream, now.stream, stream_again(was, &now),
					  "stream_up", "stream_down");
		*was = now;
	}
}

/* How far recovery is: told with every step while it runs. */
static void
append_recovery(StringInfo out)
{
	MtmRecoveryState now = MtmRecoveryGet();

	told_passed = now.passed;
	if (now.donor == 0)
		return;
	append_kind(out, "recovering");
	appendStringInfo(out, ",\"donor\":%d,\"lag_bytes\":" UINT64_FORMAT
					 ",\"passed\":" UINT64_FORMAT "}", now.donor,
					 now.donor_lsn - now.applied_lsn, now.passed);
}

static void
append_queued(StringInfo out, MtmEventKind kind, int node_id, const char *body)
{
	switch (kind)
	{
		case MTM_EVENT_MESSAGE:
			append_kind(out, "message");
			appendStringInfo(out, ",\"from\":%d,\"body\":", node_id);
			break;
		case MTM_EVENT_ORPHAN:
			append_kind(out, "orphan");
			appendStringInfoString(out, ",\"gid\":");
			break;
		case MTM_EVENT_REFEREE:
			append_kind(out, "referee");
			appendStringInfo(out, ",\"winner\":%d,\"number\":%s}", node_id, body);
			return;
		case MTM_EVENT_DECIDE_COMMIT:
		case MTM_EVENT_DECIDE_ABORT:
			append_kind(out, "decide");
			appendStringInfo(out, ",\"commit\":%s,\"gid\":",
							 kind == MTM_EVENT_DECIDE_COMMIT ? "true" : "false");
			break;
	}
	escape_json(out, body);
	appendStringInfoChar(out, '}');
}

static void
append_all_queued(StringInfo out)
{
	StringInfoData body;
	MtmEventKind kind;
	int			node_id;

	initStringInfo(&body);
	more_queued = false;
	while (MtmEventTake(&kind, &node_id, &body))
	{
		append_queued(out, kind, node_id, body.data);
		resetStringInfo(&body);
		if (out->len >= STEP_BYTES)
		{
			more_queued = true;
			break;
		}
	}
	pfree(body.data);
}

bool
MtmEventListPending(void)
{
	if (more_queued || MtmEventsWaiting() || MtmRecoveryGet().passed != told_passed)
		return true;
	MtmForEachPeer(node_id)
	{
		Told		now = level_of(node_id);

		if (level_changed(&told[node_id - 1], &now))
			return true;
	}
	return false;
}

void
MtmEventListWrite(StringInfo out)
{
	appendStringInfoString(out, "{\"events\":[");
	if (!started)
	{
		append_kind(out, "start");
		appendStringInfoChar(out, '}');
		started = true;
	}
	append_levels(out);
	append_recovery(out);
	append_all_queued(out);
	append_kind(out, "tick");
	/* Not before anything of it was heard: leases count from when it was (lease.ts). */
	appendStringInfo(out, "}],\"now_ms\":" INT64_FORMAT "}", MtmNowMs());
}
