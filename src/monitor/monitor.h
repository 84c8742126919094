/*
 * The monitor: the one process that runs the control plane.
 *
 * Runs in: a background worker, one per server.
 */
#ifndef MTM_MONITOR_H
#define MTM_MONITOR_H

#include "postgres.h"

extern void MtmMonitorRegister(void);
extern PGDLLEXPORT void MtmMonitorMain(Datum arg);

/* Is this process the monitor, at work? */
extern bool MtmIsMonitor(void);

#endif
