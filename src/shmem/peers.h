/*
 * Peers: what each process that talks to another node knows of its connection,
 * and counters for views.
 *
 * Runs in: link and stream processes write their own fields; all read.
 * Locks: MtmPeer.mutex (spinlock).
 */
#ifndef MTM_PEERS_H
#define MTM_PEERS_H

#include "access/xlogdefs.h"
#include "port/atomics.h"
#include "shmem/shared.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

typedef struct MtmPeer
{
	slock_t		mutex;
	bool		link_out;		/* our sender reached its receiver */
	uint64		link_out_epoch; /* grows with every outbound connection */
	bool		link_in;		/* its sender reached our receiver */
	uint64		link_in_epoch;	/* grows with every inbound connection */
	bool		gone;			/* nobody listened there, since its links went down */
	int			link_receiver_pid;
	bool		stream;			/* our receiver reads its stream */
	int			receiver_pid;
	TimestampTz receiver_started;
	XLogRecPtr	received_lsn;
	XLogRecPtr	handled_lsn;	/* transactions and outcomes up to it were handed out */
	XLogRecPtr	done_lsn;		/* all before is durable here */
	XLogRecPtr	horizon_lsn;	/* and no more than this is confirmed */
	XLogRecPtr	confirmed_lsn;
	int			sender_pid;		/* our walsender for it */
	TimestampTz sender_started;
	struct Latch *sender_latch;
	TimestampTz last_heard;		/* last message of any kind on the link */
	uint64		messages_in;
	uint64		messages_out;
} MtmPeer;

typedef struct MtmCounters
{
	pg_atomic_uint64 commits;	/* coordinated here, committed */
	pg_atomic_uint64 aborts;	/* coordinated here, aborted by a vote or cancel */
	pg_atomic_uint64 conflicts; /* of those, 40001 and 40P01 */
	pg_atomic_uint64 handed_over;	/* left to the resolver */
	pg_atomic_uint64 applied;	/* of other nodes, committed here */
	pg_atomic_uint64 refused;	/* of other nodes, voted no */
} MtmCounters;

extern Size MtmPeersSize(void);
extern void MtmPeersInit(void *at, bool found);
extern MtmPeer *MtmPeerSlot(int node_id);	/* lock its mutex yourself */
extern MtmPeer MtmPeerCopy(int node_id);
extern MtmCounters *MtmCountersGet(void);
/* A transaction of this node was prepared or ended: the walsenders have work. */
extern void MtmSendersWake(void);
/*
 * A transaction of this node ended, with a record that may not be flushed. A backend that
 * has promised to wake the walsenders is about to flush a PREPARE, and flushes it along.
 * Where there is none, or its flush came too early, the flusher is woken. A promise ends
 * with Wake; who fails keeps it all the same.
 */
extern void MtmSendersOutcome(XLogRecPtr end_lsn);
extern void MtmSendersPromise(void);
extern void MtmSendersKeepPromise(void);
/* Where the record of the newest one ends. */
extern XLogRecPtr MtmOutcomesNewest(void);
/* The flusher: NULL when it ends. Flush what Outcome was told of, and wake the walsenders. */
extern void MtmFlusherSet(struct Latch *latch);
extern void MtmOutcomesFlush(void);

/*
 * Nodes that were dropped and are not configured any more: nothing is read from them or
 * sent to them. The monitor sets them. Refuse: ereport(ERROR) if it is one.
 */
extern void MtmDroppedSet(MtmNodeSet nodes);
/* A peer told this node that it was dropped, by an error of MtmRefuseDropped. */
extern void MtmDroppedTold(const char *message);
/* Why, as the peer said; NULL: it did not, or nobody told. */
extern char *MtmDroppedWhy(void);
extern bool MtmNodeDropped(int node_id);
/* Its own SQLSTATE: who is told so believes it for good, so nothing else may say it. */
#define MTM_SQLSTATE_DROPPED "XM001"
#define MTM_ERRCODE_DROPPED MAKE_SQLSTATE('X', 'M', '0', '0', '1')
/* `why` may be NULL. */
extern void MtmRefuseDropped(int node_id, const char *why);

/* Monitor: from now on the link sender keeps links to all peers. */
extern void MtmLinksWant(void);
extern bool MtmLinksWanted(void);
extern int	MtmLinkSenderPid(void);
extern void MtmLinkSenderSetPid(int pid);

#endif
