/*
 * The referee of a cluster of two nodes: asking it (docs/majority.md, 4.8).
 *
 * Runs in: the monitor asks, by a process for each question.
 */
#ifndef MTM_REFEREE_H
#define MTM_REFEREE_H

#include "postgres.h"

/*
 * Start asking about a generation, without waiting. One question is under way at a time: the
 * same one again changes nothing, another one replaces it. The answer comes as an event
 * for the control plane, or never.
 */
extern void MtmRefereeAsk(int64 number);

/* At a start: can it be asked at all? Nothing but a line in the log comes of it. */
extern void MtmRefereeTry(void);

extern PGDLLEXPORT void MtmRefereeMain(Datum arg);

#endif
