/*
 * When a walsender of ours is woken.
 *
 * Runs in: walsenders (take over, quiet), whoever ends a transaction of this node
 *          (wake).
 */
#ifndef MTM_SENDER_WAKEUP_H
#define MTM_SENDER_WAKEUP_H

#include "postgres.h"

/* In a walsender that starts for the peer: from now on only MtmSendersWake wakes it. */
extern void MtmSenderTakeOver(int peer);
/* After something was written to the peer: no keepalive is due. */
extern void MtmSenderQuiet(void);

#endif
