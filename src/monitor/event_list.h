/*
 * What happened since the last step, as the control plane reads it.
 *
 * Runs in: the monitor.
 */
#ifndef MTM_EVENT_LIST_H
#define MTM_EVENT_LIST_H

#include "lib/stringinfo.h"

extern bool MtmEventListPending(void);
/* {"now_ms": ..., "events": [...]}; what is written counts as told. */
extern void MtmEventListWrite(StringInfo out);

#endif
