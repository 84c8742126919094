/*
 * Keeping the processes that must be there: a receiver and lanes for each peer, and
 * a few apply workers.
 *
 * Runs in: the monitor.
 */
#ifndef MTM_WORKERS_H
#define MTM_WORKERS_H

#include "postgres.h"

/* Start those that are missing. Cheap when none is. */
extern void MtmWorkersKeep(void);

/* Where a receiver or a lane begins: claims its place, then is what the place says. */
extern PGDLLEXPORT void MtmPlaceMain(Datum arg);

#endif
