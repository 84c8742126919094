/*
 * The one block of shared memory of a server, and how every process finds it.
 *
 * Runs in: every process.
 * Locks: each structure states its own in its header; nothing here waits while
 *        it holds one.
 */
#ifndef MTM_SHARED_H
#define MTM_SHARED_H

#include "postgres.h"
#include "storage/lwlock.h"
#include "utils/dsa.h"

/* Numbers that there are for nodes; so many bits has a mask that SQL sees as int8. */
#define MTM_MAX_NODES 63
#define MTM_GID_SIZE 200		/* PostgreSQL's own GIDSIZE */

/* A set of nodes: bit (node_id - 1). */
typedef uint64 MtmNodeSet;

#define MTM_NODE_BIT(node_id) (UINT64CONST(1) << ((node_id) - 1))
#define MTM_IN_SET(set, node_id) (((set) & MTM_NODE_BIT(node_id)) != 0)

extern int	MtmNodeSetSize(MtmNodeSet set);

/* Space to ask for before the server starts, and the hook that lays it out. */
extern void MtmSharedRequest(void);
extern void MtmSharedStartup(void);
/* False in a server that was started without the module, or not configured. */
extern bool MtmSharedReady(void);

/* Locks that are held longer than a spinlock may be. */
typedef enum MtmLockName
{
	MTM_LOCK_REPORT,			/* shmem/view.c */
	MTM_LOCK_QUEUE,				/* its tranche is the queue's */
	MTM_LOCKS
} MtmLockName;

extern LWLock *MtmNamedLock(MtmLockName name);

/*
 * Variable-sized data that processes hand to each other (transactions to
 * apply, notifications). Fixed at multimaster.queue_size; an allocation that
 * does not fit gives InvalidDsaPointer, never an error.
 */
extern dsa_area *MtmQueueArea(void);
extern dsa_pointer MtmQueueAllocate(Size size);
extern void MtmQueueFree(dsa_pointer pointer);
extern Size MtmQueueUsed(void);

#endif
