/*
 * The view: what the control plane says this node may do, and the gate that
 * makes "check the view, then act on it" one step for everybody.
 *
 * Runs in: every process reads; only the monitor publishes.
 * Locks: MtmView.mutex (spinlock) guards all fields; never held over a call.
 *
 * The gate (PROTOCOL.md, I2 and I4). Whoever prepares, votes or decides under a
 * generation enters the gate first. MtmViewPublish closes it for the old
 * generation and returns only when everybody has left, so that:
 *  1. nothing of an older generation is prepared or decided after it returns;
 *  2. what pg_prepared_xacts shows after it returns is complete.
 */
#ifndef MTM_VIEW_H
#define MTM_VIEW_H

#include "shmem/shared.h"

typedef enum MtmStatus
{
	MTM_DISABLED,				/* out of the cluster, or not yet in it */
	MTM_ISOLATED,				/* sees no quorum */
	MTM_CATCHUP,				/* reads a donor, the others do not wait */
	MTM_RECOVERY,				/* a member that must finish older work first */
	MTM_ONLINE					/* may commit and vote */
} MtmStatus;

typedef struct MtmViewData
{
	uint64		generation;
	MtmNodeSet	members;
	MtmNodeSet	configured;
	uint64		incarnation;
	/* Whose stream is read here: 0 all peers', n only n's to recover, -1 nobody's. */
	int			donor;
	int			major;			/* the node that decides an even split; 0: none, -1: a referee */
	uint64		online_in;		/* the newest generation in which it was online */
	MtmStatus	status;
} MtmViewData;

#define MTM_DONOR_NOBODY (-1)
#define MTM_MAJOR_REFEREE (-1)

extern Size MtmViewSize(void);
extern void MtmViewInit(void *at, bool found);

extern MtmViewData MtmViewGet(void);
extern uint64 MtmViewGeneration(void);
extern bool MtmViewOnline(void);
/* This node was away: what it reads comes from a donor alone (docs/majority.md, 3). */
extern bool MtmViewAway(void);
/*
 * Others may have gone on without this node: it hears no quorum, or was away. `TimesOut` counts
 * how often it became so; what has not changed in between was valid all the time.
 */
extern bool MtmViewIsOut(const MtmViewData *data);
extern uint64 MtmViewTimesOut(void);
/* May the nodes of `set` decide for all configured ones? */
extern bool MtmViewIsQuorum(const MtmViewData *data, MtmNodeSet set);
extern const char *MtmStatusName(MtmStatus status);
extern bool MtmStatusParse(const char *name, MtmStatus *status);

/*
 * Enter the gate under `generation`. False, and nothing is held, when this
 * node is not online in exactly that generation. No lock of another transaction
 * may be waited for inside: only local flushes happen there. MtmViewLeave is
 * idempotent and also run when the transaction aborts or the process exits.
 */
extern bool MtmViewEnter(uint64 generation);
extern void MtmViewLeave(void);
extern bool MtmViewInside(void);

/* Monitor only. Waits (interruptibly) until the gate is empty. */
extern void MtmViewPublish(const MtmViewData *view);
/*
 * The monitor's end, for whatever reason: nobody may commit or vote until it is back. Does
 * not wait; the next Publish waits for those still inside.
 */
extern void MtmViewWithdraw(void);

/* Wait until the version is another than the one seen before looking at the view;
 * the caller loops over its own condition. Interruptible. */
extern void MtmViewWaitChange(uint64 seen_version, uint32 wait_event);
extern uint64 MtmViewVersion(void);

/* The control plane's report for status functions (JSON, shorter than this); NULL:
 * there is none. */
#define MTM_REPORT_SIZE 32768
extern void MtmViewSetReport(const char *report);
extern char *MtmViewGetReport(void);

#endif
