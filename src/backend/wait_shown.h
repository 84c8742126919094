/*
 * What a session may ask for beyond its own node: see docs/isolation.md, 4.
 *
 * Runs in: backends.
 */
#ifndef MTM_WAIT_SHOWN_H
#define MTM_WAIT_SHOWN_H

#include "shmem/shared.h"

/*
 * multimaster.commit_level = applied: this backend's transaction of the generation is
 * committed here; wait until every online member shows it. With interrupts held: a cancel
 * ends the wait with a WARNING.
 */
extern void MtmWaitShownEverywhere(uint64 generation);

/*
 * multimaster.causal_reads: wait until this node shows everything that was acknowledged on
 * any member before the call. Interruptible. False: this node is not online.
 */
extern bool MtmWaitCausal(void);

#endif
