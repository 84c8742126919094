/* A participant's votes, sent by their rules; see votes.c. */
#ifndef MTM_VOTES_H
#define MTM_VOTES_H

#include "shmem/transactions.h"

/* False: the outbox is full. Nothing is sent where nothing may be said. */
extern bool MtmVoteNo(const MtmTransactionKey *key, uint64 generation,
					  const MtmRefusal *refusal);
extern bool MtmVoteAgain(const MtmTransaction *tx);
/* This node is online again: what it could not say meanwhile. */
extern void MtmVotesOnline(uint64 generation);

#endif
