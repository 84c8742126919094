/*
 * A participant's votes.
 *
 * Runs in: apply workers, the link sender, the monitor.
 * Path: apply/worker.c -> here -> wire/link_message.c -> the coordinator
 * Locks: the view's gate around a no.
 *
 * A no counts for the coordinator's abort only because this node, if it is asked about
 * the transaction later, is asked as one that was online in its generation (I6;
 * docs/majority.md, 1.9). So it is given only while this node is: else nothing is
 * said, and said when it is online again in that generation. In another one a ballot
 * has decided. A yes says what is prepared, which stays true.
 */
#include "postgres.h"

#include "link/votes.h"
#include "shmem/view.h"
#include "wire/link_message.h"

bool
MtmVoteNo(const MtmTransactionKey *key, uint64 generation, const MtmRefusal *refusal)
{
	bool		sent;

	if (!MtmViewEnter(generation))
		return true;
	sent = MtmSendNo(key->origin, key->xid, generation, refusal);
	MtmViewLeave();
	return sent;
}

bool
MtmVoteAgain(const MtmTransaction *tx)
{
	if (tx->state == MTM_TX_PREPARED)
		return MtmSendYes(tx->key.origin, tx->key.xid, tx->generation);
	if (tx->state == MTM_TX_REFUSED)
		return MtmVoteNo(&tx->key, tx->generation, &tx->refusal);
	return true;
}

void
MtmVotesOnline(uint64 generation)
{
	int			count;
	MtmTransaction *list = MtmTransactionList(&count);

	for (int i = 0; i < count; i++)
	{
		if (list[i].state == MTM_TX_REFUSED && list[i].generation == generation)
			(void) MtmVoteNo(&list[i].key, generation, &list[i].refusal);
	}
	pfree(list);
}
