/*
 * Outboxes: messages for another node, in order, taken by the link sender.
 *
 * Runs in: anybody puts; the link sender takes.
 * Locks: MtmOutbox.mutex (spinlock) around copies of at most MTM_MESSAGE_MAX bytes.
 *
 * A message is lost when the link is down or breaks: whoever needs an answer
 * asks again, and votes are sent again when the link comes back.
 */
#ifndef MTM_OUTBOX_H
#define MTM_OUTBOX_H

#include "lib/stringinfo.h"
#include "shmem/shared.h"
#include "storage/latch.h"

#define MTM_OUTBOX_SIZE (256 * 1024)
#define MTM_MESSAGE_MAX (64 * 1024)

extern Size MtmOutboxesSize(void);
extern void MtmOutboxesInit(void *at, bool found);

/* False: the link is down, or the outbox is full; nothing was put. Never waits. */
extern bool MtmOutboxPut(int node_id, const char *message, uint32 length);

/* Link sender only. Open empties the outbox and lets messages in; Close refuses them. Take appends
 * all messages there are ([uint32 length][bytes] each, network order). */
extern void MtmOutboxOpen(int node_id);
extern void MtmOutboxClose(int node_id);
extern bool MtmOutboxTake(int node_id, StringInfo into);
/* The latch to set when something was put. */
extern void MtmOutboxSetSender(Latch *latch);
/* There is something else for it to see. */
extern void MtmOutboxWakeSender(void);

#endif
