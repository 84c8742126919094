/*
 * Which relations' rows are replicated. Both ends of the commit ask: the backend
 * (does this statement make the transaction distributed?) and the plugin (is
 * this row sent?), and they must agree.
 *
 * Replicated: permanent tables, partitions and materialized views, but not catalogs, not tables named in
 * mtm.local_tables, and nothing in schema mtm except that list and two tables of ours.
 */
#ifndef MTM_REPLICATED_H
#define MTM_REPLICATED_H

#include "utils/rel.h"

/* Looks into the catalogs: callers keep the answer until the relation's
 * relcache entry is invalidated (a trigger on mtm.local_tables does that). */
extern bool MtmRelationIsReplicated(Relation relation);
/* When its rows are written with this persistence: ALTER TABLE ... SET LOGGED changes it. */
extern bool MtmRelationIsReplicatedAs(Relation relation, char persistence);

#endif
