/*
 * A new node: the copy of another one, its source, which recovers from that one until it is
 * online for the first time (docs/membership.md, part 4).
 *
 * Runs in: the monitor prepares and ends it; the recovery process reads.
 *
 * What it is a copy of stands in the file pg_mtm/copy: the number of the source and the end
 * of its WAL that is in the copy, like "1 0/3000148".
 */
#ifndef MTM_COPY_H
#define MTM_COPY_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "monitor/state_file.h"

#define MTM_COPY_PATH MTM_STATE_FOLDER "/copy"

typedef struct MtmCopy
{
	int			source;			/* 0: this is no copy, or it is done with */
	XLogRecPtr	end_lsn;		/* all that the source did before is in it */
} MtmCopy;

/* ERROR XX001 when the file is damaged. */
extern MtmCopy MtmCopyRead(void);
extern void MtmCopyWrite(int source, XLogRecPtr end_lsn);
/* Was this node not online yet since it is a copy? */
extern bool MtmCopyOpen(void);
/* Before the control plane starts; does what is not done yet. */
extern void MtmCopyPrepare(void);
/* It was online: nothing of this is needed any more. */
extern void MtmCopyDone(void);
/* From here on this node's own WAL tells what it got since it is a copy. */
extern XLogRecPtr MtmCopyFirstOwn(void);

#endif
