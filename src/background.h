/* What background workers have in common: how they begin, and take new settings. */
#ifndef MTM_BACKGROUND_H
#define MTM_BACKGROUND_H

#include "postgres.h"
#include "postmaster/bgworker.h"

/* At the server's start: one that always runs, again a second after it ended. */
extern void MtmBackgroundRegister(const char *name, const char *function);

/* One that is started by another process and not started again; its name is its type, unless changed. */
extern BackgroundWorker MtmBackgroundWorker(const char *type, const char *function);
/* False: all are in use. The handle is for whoever wants to know later whether it runs. */
extern bool MtmBackgroundStart(BackgroundWorker *worker, BackgroundWorkerHandle **handle);
/* Is it there, or about to be? If not, the handle is gone, too. */
extern bool MtmBackgroundRuns(BackgroundWorkerHandle **handle);

/* Signals, a connection to the cluster's database, settings that a role or the
 * database might have and that must not apply here. `name` is shown by ps. */
extern void MtmBackgroundBegin(const char *name);
/* The same for one whose commits are the cluster's, as those of any client. */
extern void MtmBackgroundBeginAsClient(const char *name);

/*
 * For one that runs queries of its own, as a superuser: nobody's function gets in the way of
 * PostgreSQL's. Not where code of users runs, which may count on the search_path.
 */
extern void MtmBackgroundOwnNames(void);

/* Between two pieces of work: read the configuration again after a SIGHUP. */
extern void MtmReloadIfAsked(void);

#endif
