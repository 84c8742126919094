/*
 * Running the records of a transaction of another node, one after the other.
 *
 * Runs in: apply workers, the recovery process.
 * Path: apply/body.c -> here -> apply/rows.c, apply/schema_change.c, backend/sequence_moves.c
 * Locks: row and relation locks, as their own backends take them.
 */
#include "postgres.h"

#include "apply/body.h"
#include "apply/records.h"
#include "apply/refill.h"
#include "apply/relation.h"
#include "apply/rows.h"
#include "apply/schema_change.h"
#include "backend/sequence_moves.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "replication/message.h"
#include "utils/acl.h"
#include "wire/frame.h"
#include "wire/unsendable.h"

/* In this node's WAL, too: a node that comes back may read it from here. */
static void
move_sequence(StringInfo record, const MtmApplied *applied)
{
	MtmSequenceMove move;

	LogLogicalMessage(MTM_MESSAGE_SEQUENCE, record->data + record->cursor,
					  record->len - record->cursor, true);
	MtmSequenceMoveRead(record, &move);
	MtmSequenceMoveApply(&move, applied->decided);
}

static void
apply_record(StringInfo record, MtmApplied *applied)
{
	char		kind = pq_getmsgbyte(record);

	if (kind != MTM_RECORD_REFILL)
		MtmRefillEnd();
	switch (kind)
	{
		case MTM_RECORD_REFILL:
			MtmApplyRefill(record);
			break;
		case MTM_RECORD_INSERT:
			MtmApplyInsert(record);
			break;
		case MTM_RECORD_UPDATE:
			MtmApplyUpdate(record);
			break;
		case MTM_RECORD_DELETE:
			MtmApplyDelete(record);
			break;
		case MTM_RECORD_TRUNCATE:
			MtmApplyTruncate(record);
			break;
		case MTM_RECORD_SCHEMA:
			MtmRowsPause();
			MtmApplySchemaChange(record, applied->decided);
			MtmRowsResume();
			break;
		case MTM_RECORD_NOTIFY:
			appendBinaryStringInfo(&applied->notifies, record->data + record->cursor,
								   record->len - record->cursor);
			break;
		case MTM_RECORD_SEQUENCE:
			move_sequence(record, applied);
			break;
		case MTM_RECORD_OWNER:
			applied->owner = get_role_oid(pq_getmsgrawstring(record), false);
			break;
		case MTM_RECORD_EXECUTED:
			break;				/* it was waited for before all of this */
		case MTM_RECORD_UNSENDABLE:
			MtmUnsendableRaise(record);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("unknown record \"%c\" in a transaction", kind)));
	}
}

void
MtmApplyRecords(const MtmTransaction *tx, MtmApplied *applied)
{
	StringInfoData record;

	MtmBodyOpen(tx);
	MtmRowsBegin(tx, applied->decided);
	while (MtmBodyNext(&record))
	{
		CHECK_FOR_INTERRUPTS();
		if (record.data[0] == MTM_RECORD_RELATION)
		{
			(void) pq_getmsgbyte(&record);
			MtmApplyDefinition(&record);
		}
		else
			apply_record(&record, applied);
	}
	MtmRowsEnd();
	MtmBodyClose();
}

void
MtmApplyLogOwner(const MtmApplied *applied)
{
	char	   *name;

	if (!OidIsValid(applied->owner))
		return;
	name = GetUserNameFromId(applied->owner, false);
	LogLogicalMessage(MTM_MESSAGE_OWNER, name, strlen(name) + 1, true);
}
