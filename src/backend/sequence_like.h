/*
 * Sequences that CREATE TABLE ... (LIKE ... INCLUDING IDENTITY) makes after those of another
 * table: their increments are multiplied already.
 *
 * Runs in: backends, apply workers.
 */
#ifndef MTM_BACKEND_SEQUENCE_LIKE_H
#define MTM_BACKEND_SEQUENCE_LIKE_H

#include "postgres.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"

/* Asked before the statement runs, which may change its own tree. */
extern List *MtmIdentityLikes(Node *statement);
/* Was the sequence, which the statement created, made after one that is multiplied? */
extern bool MtmSequenceIsLike(Oid sequence, List *likes);

#endif
