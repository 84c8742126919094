/*
 * The control plane's durable state: one small file, pg_mtm/state.
 *
 * Runs in: the monitor.
 */
#ifndef MTM_STATE_FILE_H
#define MTM_STATE_FILE_H

#include "postgres.h"

#define MTM_STATE_FOLDER "pg_mtm"
#define MTM_STATE_PATH MTM_STATE_FOLDER "/state"

/* NULL: there is none yet. ERROR XX001 when it is damaged. */
extern char *MtmStateFileLoad(void);
/* Returns once the new content is durable; a crash leaves the old or the new. */
extern void MtmStateFileSave(const char *content);

#endif
