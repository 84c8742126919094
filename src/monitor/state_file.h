/*
 * The control plane's durable state: one small file, pg_mtm/state.
 *
 * Runs in: the monitor; the folder also in the session of mtm.init_cluster().
 */
#ifndef MTM_STATE_FILE_H
#define MTM_STATE_FILE_H

#include "postgres.h"

#define MTM_STATE_FOLDER "pg_mtm"
#define MTM_STATE_PATH MTM_STATE_FOLDER "/state"

/* Does nothing when it is there. */
extern void MtmStateFolderMake(void);
/* NULL: there is none yet. ERROR XX001 when it is damaged. */
extern char *MtmStateFileLoad(void);
/* Returns once the new content is durable; a crash leaves the old or the new. */
extern void MtmStateFileSave(const char *content);

#endif
