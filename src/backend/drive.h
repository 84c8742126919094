/*
 * Driving a transaction of this node from its PREPARE to its outcome.
 *
 * Runs in: the backend that commits it.
 * Locks: the view's gate, inside these functions.
 */
#ifndef MTM_DRIVE_H
#define MTM_DRIVE_H

#include "shmem/commits.h"
#include "shmem/view.h"

/*
 * PREPARE everything up to here and leave an empty transaction; interrupts are held from
 * then on. *block_open turns false where an error ends the block by itself.
 */
extern void MtmPrepareUnderGate(const char *gid, uint64 generation, bool from_inside,
								bool *block_open);
/* Returns whether it was committed; an abort is left to report. */
extern bool MtmDriveToOutcome(const char *gid, uint64 generation, bool *in_doubt);
/* A user's own that was refused, by who is inside the gate of its generation. */
extern void MtmDriveRollBack(const char *gid);
/* From here on its outcome is not this backend's to see to. */
extern void MtmDriveEnd(void);
/* An abort: if the outcome is open, the resolver hears of it. */
extern void MtmDriveAbandon(void);

extern void MtmRefuseNotOnline(MtmStatus status) pg_attribute_noreturn();
extern void MtmReportInDoubt(const char *gid);
extern void MtmReportAbort(const MtmCommit *commit) pg_attribute_noreturn();

#endif
