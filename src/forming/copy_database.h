/*
 * The contents of a database as PostgreSQL's own pg_dump tells them, and psql takes them.
 *
 * Runs in: the session of mtm.init_cluster().
 */
#ifndef MTM_FORMING_COPY_DATABASE_H
#define MTM_FORMING_COPY_DATABASE_H

#include "postgres.h"

/*
 * All of `from` into `to`, in one transaction there that `before` begins and `after` ends. When
 * anything fails `after` is not run. Connection strings without passwords, which are
 * given beside them (NULL: none). Raises 38000 with what the programs said.
 */
extern void MtmCopyDatabase(const char *from, const char *from_password, const char *to,
							const char *to_password, const char *before,
							const char *after);

/* SHA-256 of what pg_dump says, but for where sequences stand; in hexadecimal. */
extern char *MtmDatabaseDigest(const char *conninfo, const char *password);

#endif
