/*
 * NOTIFY and LISTEN in a transaction that is committed on all nodes; see
 * notifications.c.
 */
#ifndef MTM_NOTIFICATIONS_H
#define MTM_NOTIFICATIONS_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/* The running transaction has pending notifications or LISTEN/UNLISTEN. */
extern bool MtmNotificationsPending(void);
/*
 * Take the pending notifications out of the transaction: into its stream for the
 * peers, and aside for this node. Returns how many there were. Clears what PREPARE would refuse.
 */
extern int	MtmNotificationsTake(void);
/* Nothing was pending but LISTEN/UNLISTEN: put back by Deliver. */
extern void MtmNotificationsDeliver(void);	/* in the transaction after the commit */
extern bool MtmNotificationsToDeliver(void);
extern void MtmNotificationsForget(void);

/* From the utility hook: a LISTEN or UNLISTEN statement ran. */
extern void MtmNotificationsListen(const char *channel);
extern void MtmNotificationsUnlisten(const char *channel);	/* NULL: all */

#endif
