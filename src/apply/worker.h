/* Apply workers: the elastic pool. */
#ifndef MTM_APPLY_WORKER_H
#define MTM_APPLY_WORKER_H

#include "postgres.h"

extern PGDLLEXPORT void MtmApplyWorkerMain(Datum unused);

#endif
