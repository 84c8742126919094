/*
 * The monitor's way into the cluster's database: wait until it is there, and until the
 * extension is.
 *
 * Runs in: the monitor, at its start.
 */
#ifndef MTM_DATABASE_H
#define MTM_DATABASE_H

/* Returns connected; ends the process to try again when the database is missing. */
extern void MtmDatabaseConnect(void);
/* Creates the extension as soon as some peer has it. */
extern void MtmDatabaseWaitForExtension(void);

#endif
