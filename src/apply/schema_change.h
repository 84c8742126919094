/* Running another node's schema change: one S record (wire/schema_change.h) of a transaction. */
#ifndef MTM_APPLY_SCHEMA_CHANGE_H
#define MTM_APPLY_SCHEMA_CHANGE_H

#include "lib/stringinfo.h"

/* `decided`: the transaction is committed elsewhere already. */
extern void MtmApplySchemaChange(StringInfo content, bool decided);

#endif
