/* Transactions out of a donor's stream; see replay.c. */
#ifndef MTM_REPLAY_H
#define MTM_REPLAY_H

#include "wire/frame.h"

/* What this node has already is found out once, when the streams of others are closed. */
extern void MtmReplayBegin(int donor);

/*
 * A whole transaction (W). Its body was collected by receiver/spill.c. Returns when it is
 * committed here, or was before; errors are tried again until `wanted` says no: then
 * false is returned and nothing was done.
 */
extern bool MtmReplayWhole(const MtmFrame *frame, bool (*wanted) (void));

/*
 * A user's: kept at its PREPARE (U) until its outcome (C, R), or until the mark. An outcome
 * without a PREPARE in the stream is for what is prepared here under the name, unless the
 * stream prepares another under it later: that is known at the mark.
 */
extern void MtmReplayKeep(const MtmFrame *frame, XLogRecPtr confirmable);
extern bool MtmReplayOutcome(const MtmFrame *frame, XLogRecPtr confirmable,
							 bool (*wanted) (void));
extern bool MtmReplayPrepareKept(bool (*wanted) (void));
/* No further may the donor's slot be confirmed: what waits here must come again. */
extern XLogRecPtr MtmReplayConfirmable(XLogRecPtr applied);

extern uint64 MtmReplayCount(void);

#endif
