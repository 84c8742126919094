/*
 * gid: the name of a distributed transaction on every node.
 *
 *   MTM-<coordinator>-<xid64>-<generation>-<incarnation>-<start_us>
 *
 * start_us is the transaction's begin in microseconds since 2000-01-01 UTC, for
 * the order of conflicts.
 */
#ifndef MTM_GID_H
#define MTM_GID_H

#include "shmem/shared.h"
#include "utils/timestamp.h"

#define MTM_GID_PREFIX "MTM-"

typedef struct MtmGid
{
	int			coordinator;
	uint64		xid;
	uint64		generation;
	uint64		incarnation;
	TimestampTz start;
} MtmGid;

extern void MtmGidFormat(const MtmGid *gid, char text[MTM_GID_SIZE]);
extern bool MtmGidParse(const char *text, MtmGid *gid);
extern bool MtmGidIsOurs(const char *text); /* starts with MTM- */

#endif
