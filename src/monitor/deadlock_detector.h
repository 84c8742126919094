/*
 * The deadlock detector: circles of waits over nodes (docs/conflicts.md).
 *
 * Runs in: a background worker that the monitor starts when somebody waits long.
 */
#ifndef MTM_DEADLOCK_DETECTOR_H
#define MTM_DEADLOCK_DETECTOR_H

#include "postgres.h"

/* Monitor: start it if it is needed and does not run. Cheap. */
extern void MtmDeadlockDetectorKeep(void);

extern PGDLLEXPORT void MtmDeadlockDetectorMain(Datum arg);

#endif
