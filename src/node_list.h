/*
 * The node list: multimaster.conn_strings taken apart.
 *
 * Runs in: read once in the postmaster; every process inherits it.
 */
#ifndef MTM_NODE_LIST_H
#define MTM_NODE_LIST_H

#include "postgres.h"

/*
 * Read the setting, or the file it names. ereport(FATAL) names the position and the problem
 * of a string that libpq cannot read, never its text where that may hold a password.
 */
extern void MtmNodeListRead(const char *setting);

/*
 * What is wrong with a connection string, in words without secrets; NULL: nothing. It must
 * name a database.
 */
extern const char *MtmConnStringProblem(const char *string);

/* How many of the nodes multimaster.conn_strings names; others are added later. */
extern int	MtmFounderCount(void);

/*
 * Would the string do for a node that is added? ereport(ERROR) 22023 says what is wrong, as
 * above.
 */
extern void MtmConnStringCheck(const char *string);

/*
 * The string with what `more` says in its place, each value in quotes. Who connects as another
 * user does so without the password. ereport(ERROR) as above.
 */
extern char *MtmConnStringMerge(const char *string, const char *more);

/* The string for a program's arguments, and its password beside it (NULL: none). */
extern char *MtmConnStringSplit(const char *string, char **password);

/* A conn string without its passwords: for views and logs. */
extern char *MtmConnStringPublic(int node_id);

#endif
