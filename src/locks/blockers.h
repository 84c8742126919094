/*
 * Who a process waits for, as pg_blocking_pids() tells, but with prepared transactions by
 * their names.
 */
#ifndef MTM_BLOCKERS_H
#define MTM_BLOCKERS_H

#include "shmem/shared.h"
#include "storage/lock.h"

typedef struct MtmBlocker
{
	int			waiter_pid;		/* the process that waits */
	int			waiter_leader;	/* whose parallel worker that is; else the same */
	int			pid;			/* 0: a prepared transaction */
	char		gid[MTM_GID_SIZE];	/* of that; empty: it cannot be found */
	BackendId	backend_id;
	LocalTransactionId lxid;	/* invalid: a parallel worker of `pid` holds it */
	bool		holds;			/* the lock, not only a place before us in the queue */
	LOCKTAG		lock;
	LOCKMODE	wanted;			/* by the one that waits */
} MtmBlocker;

typedef void (*MtmBlockerMet) (const MtmBlocker *blocker, void *argument);

/*
 * Once for each; none when it does not wait, or is in another transaction than `lxid` by
 * now (invalid: whichever). Looks nothing up in catalogs.
 */
extern void MtmBlockersOf(int pid, LocalTransactionId lxid, MtmBlockerMet met,
						  void *argument);

#endif
