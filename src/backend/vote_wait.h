/* Waiting for the votes on one's own transaction; see vote_wait.c. */
#ifndef MTM_VOTE_WAIT_H
#define MTM_VOTE_WAIT_H

#include "shmem/commits.h"

typedef enum MtmVerdict
{
	MTM_VERDICT_COMMIT,			/* every member voted yes: commit it */
	MTM_VERDICT_ABORT,			/* no ballot can ever commit it: roll it back */
	MTM_VERDICT_COMMITTED,		/* the resolver committed it here */
	MTM_VERDICT_ABORTED,		/* the resolver rolled it back here */
	MTM_VERDICT_IN_DOUBT,		/* we were told to stop waiting */
	MTM_VERDICT_UNDECIDED		/* the time is up, or worth another try */
} MtmVerdict;

/* Never raises an error and never processes a cancel: it only obeys it. */
extern MtmVerdict MtmWaitForVotes(void);
/* The same when only the resolver can tell. timeout_ms: 0 for none; then UNDECIDED. */
extern MtmVerdict MtmWaitForOutcome(long timeout_ms);
/* The verdict is ours but the gate is closed: UNDECIDED when it may be open again. */
extern MtmVerdict MtmWaitForGate(uint64 generation);

#endif
