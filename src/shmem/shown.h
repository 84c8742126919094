/*
 * How far each node shows the commits of the others, and who waits for it.
 *
 * Runs in: backends ask and wait; lanes, receivers and link receivers note and tell.
 * Locks: none; atomics, and a condition variable for all who wait.
 *
 * Two questions to a peer (wire/link_message.h), each answered at once by its link receiver:
 *  - how far does it show this node's commits? Of COMMIT with multimaster.commit_level =
 *    applied. The peer also tells later, until it shows what was asked for.
 *  - which was its newest commit? Of a read with multimaster.causal_reads, which then waits
 *    until this node shows it. Questions are numbered: an answer counts for all before it.
 *
 * Answers may be lost with the link: who waits asks again.
 */
#ifndef MTM_SHOWN_H
#define MTM_SHOWN_H

#include "access/xlogdefs.h"
#include "shmem/shared.h"

extern Size MtmShownSize(void);
extern void MtmShownInit(void *at, bool found);

/* Every commit of `peer` whose record ends at or before it (in the peer's WAL) is shown here. */
extern XLogRecPtr MtmShownHere(int peer);
/* Something of the peer's was executed or passed. True: it waits to be told *shown. */
extern bool MtmShownNote(int peer, XLogRecPtr *shown);
/* The peer asked to be told until so much of its WAL is shown. */
extern void MtmShownAsked(int peer, XLogRecPtr up_to);

/* What the peer told: how much of this node's WAL it shows. */
extern void MtmShownTold(int peer, XLogRecPtr shown);
extern XLogRecPtr MtmShownThere(int peer);

/*
 * A number for a question; the answer to it, or to a later one. It counts only in the
 * generation in which the peer was online when it gave it: one that has restarted since
 * may not know what it acknowledged before.
 */
extern uint64 MtmNewestAsk(int peer);
extern void MtmNewestTold(int peer, uint64 number, uint64 generation, XLogRecPtr newest);
extern bool MtmNewestKnown(int peer, uint64 number, uint64 generation, XLogRecPtr *newest);

/* Sleeps until something of the above may have changed, at most so long; the caller loops. */
extern void MtmShownSleep(long timeout_ms);
extern void MtmShownSleepEnd(void);

#endif
