/*
 * The hold: for a moment no commit of this node begins, so that a check can find an
 * instant at which every transaction is on all nodes or on none.
 *
 * Runs in: sessions of checks take and end it; backends that commit wait for its end.
 * Locks: MtmHold.mutex (spinlock) around a few loads and stores.
 *
 * A hold belongs to the session that took it and ends with it, with MtmHoldEnd or by its
 * own timeout, whichever comes first. Several sessions may have one at a time.
 *
 * Nothing slips through:
 *  1. who commits takes its slot in shmem/commits.c first, and looks for a hold after that;
 *  2. who holds sets the hold first, and looks at the slots after that;
 *  3. so one of the two sees the other: the commit gives its slot back and waits, or the
 *     check sees that it is under way.
 */
#ifndef MTM_HOLD_H
#define MTM_HOLD_H

#include "shmem/shared.h"

extern Size MtmHoldSize(void);
extern void MtmHoldInit(void *at, bool found);

/* False when too many sessions hold already. Taken again it lasts from now on. */
extern bool MtmHoldTake(int timeout_ms);
extern void MtmHoldEnd(void);
/* Does the hold that this session took still last? */
extern bool MtmHoldMine(void);

extern bool MtmHoldInEffect(void);
/* Interruptible: before anything of the commit is done. */
extern void MtmHoldWait(void);

#endif
