/*
 * Bodies of transactions on their way to a worker: in the queue's memory, or in
 * a file when they are large or the queue is full.
 *
 * Runs in: receivers write, apply workers read.
 */
#ifndef MTM_SPILL_H
#define MTM_SPILL_H

#include "lib/stringinfo.h"
#include "shmem/transactions.h"

/* Receiver: collect the body of one transaction at a time. */
extern void MtmBodyAdd(const char *bytes, int size);
extern void MtmBodyDrop(void);
/* Put what was collected into tx->body, or tx->spill_id, and tx->body_size. */
extern void MtmBodyStore(MtmTransaction *tx);

#endif
