/*
 * Dropping a node that was away too long: a transaction of its own, in a process of its own.
 *
 * Runs in: a background worker that the monitor starts.
 */
#ifndef MTM_DROP_WORKER_H
#define MTM_DROP_WORKER_H

#include "postgres.h"

extern PGDLLEXPORT void MtmDropWorkerMain(Datum arg);

#endif
