/*
 * Advisory locks that this session holds on other nodes: by a connection of its own to each,
 * opened when it is needed first and kept. That session there is named
 * "multimaster advisory <node>:<pid>", after the client's session that it holds them for.
 *
 * Runs in: the client's backend.
 */
#ifndef MTM_ADVISORY_PEERS_H
#define MTM_ADVISORY_PEERS_H

#include "shmem/shared.h"
#include "storage/lock.h"

/* The tag's database is this node's own; each node has another number for it. */
typedef struct MtmAdvisoryKey
{
	LOCKTAG		tag;
	LOCKMODE	mode;
} MtmAdvisoryKey;

typedef enum MtmAdvisoryAnswer
{
	MTM_ADVISORY_GOT,
	MTM_ADVISORY_BUSY,			/* another session has it, and we do not wait */
	MTM_ADVISORY_CHANGED		/* the node was lost, or is of another generation than we are */
} MtmAdvisoryAnswer;

/* One client's wish to have a lock. */
typedef struct MtmAdvisoryWish
{
	MtmAdvisoryKey key;
	bool		wait;
	uint64		generation;
	int64		end_ms;			/* of lock_timeout; 0: none */
	int64		unreachable_since_ms;	/* 0: no node was */
} MtmAdvisoryWish;

/*
 * Get the lock there, or find that this session still has it. An error of that node has its
 * SQLSTATE. Interruptible; after an error the session there does not wait any more.
 */
extern MtmAdvisoryAnswer MtmAdvisoryTakeOn(int node_id, MtmAdvisoryWish *wish);

/*
 * Give locks back on all nodes where this session may have them, and wait until they are free
 * there, as long as those nodes are members. Raises nothing: what fails ends the connection,
 * which ends the session there and frees its locks.
 */
typedef struct PQExpBufferData MtmAdvisoryList;
extern void MtmAdvisoryListKey(MtmAdvisoryList *list, const MtmAdvisoryKey *key);
extern void MtmAdvisoryReleaseOnPeers(MtmAdvisoryList *list);

extern void MtmAdvisoryDisconnect(void);

#endif
