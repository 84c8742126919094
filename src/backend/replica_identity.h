/*
 * Replica identity: how a row is found on the other nodes. A table without a usable
 * key is identified by its whole rows, which every node arranges for by itself.
 */
#ifndef MTM_BACKEND_REPLICA_IDENTITY_H
#define MTM_BACKEND_REPLICA_IDENTITY_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/* After a schema change: tables it created or whose keys it may have changed, and constraints
 * it created. Lists of Oids; what is gone again is passed over. */
extern void MtmReplicaIdentityAfter(List *tables, List *constraints);
/* All tables that exist. */
extern void MtmReplicaIdentityAll(void);
/* ERROR 55000 when rows of this UPDATE's or DELETE's target could not be found elsewhere. */
extern void MtmReplicaIdentityCheck(Relation relation);

#endif
