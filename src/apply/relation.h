/*
 * Relations that a transaction of another node changes, opened for changing.
 *
 * Runs in: apply workers.
 */
#ifndef MTM_APPLY_RELATION_H
#define MTM_APPLY_RELATION_H

#include "lib/stringinfo.h"
#include "nodes/execnodes.h"
#include "shmem/transactions.h"
#include "wire/row.h"

/* What is kept of a definition over transactions: which column goes where. */
typedef struct MtmColumnMap
{
	Oid			local_id;
	char	   *schema;
	char	   *name;
	int			columns;		/* as sent */
	int		   *attribute;		/* of each: local index, from 0 */
	bool	   *is_key;			/* of each */
	FmgrInfo   *input;			/* of each: text input */
	FmgrInfo   *receive;		/* of each: binary; fn_oid invalid if none */
	Oid		   *input_parameter;
	Oid		   *receive_parameter;
	int32	   *type_modifier;
	bool	   *compared;		/* of each local attribute: it is sent */
	char		replica_identity;
} MtmColumnMap;

/* One relation while one transaction is applied. */
typedef struct MtmAppliedRelation
{
	Oid			sender_id;
	MtmColumnMap *map;
	Relation	relation;
	Oid			identity_index; /* InvalidOid: by the whole row, as with a null in it */
	BlockNumber near;			/* where its last row was found */
	EState	   *estate;
	ResultRelInfo *result;
	EPQState	epq;
	TupleTableSlot *wanted;		/* the old row, as far as it was sent */
	TupleTableSlot *found;
	TupleTableSlot *row;		/* the new row */
	MtmColumnValue *values;		/* room for one row */
} MtmAppliedRelation;

/* An R record: the relation that later records mean by its id. */
extern void MtmRelationDefine(StringInfo definition, const MtmTransactionKey *applying);
/* Locks it, and runs no code of its owner. */
extern Oid	MtmRelationOwner(Oid sender_id);
/* By the sender's id; opened on first use, stays open until MtmRelationsClose. */
extern MtmAppliedRelation *MtmRelationOpen(Oid sender_id);
extern Oid	MtmRelationLocalId(Oid sender_id);
/* For errors: it is about to be locked (apply/described_row.h). */
extern void MtmRelationDescribe(Oid sender_id);
/* Close all, keeping locks; definitions stay known. */
extern void MtmRelationsClose(void);
/* End of the transaction, also of a failed one: forget all. */
extern void MtmRelationsForget(void);

#endif
