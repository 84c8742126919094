/*
 * Shares of sequence values; see sequence_share.h.
 *
 * Runs in: backends, apply workers, the recovery process.
 * Path: mtm.add_node(), apply/rows.c -> trigger on mtm.cluster_nodes -> here
 *       -> backend/sequences.c
 * Locks: on mtm.sequence_share, until the commit.
 *
 * The row of a new node says whose share is split for it. A trigger does that on the node
 * that is split, in whatever way the row comes there: so it has the row and gives half as
 * many values from one moment on.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "backend/sequence_share.h"
#include "backend/sequences.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "node_list.h"
#include "settings.h"
#include "superuser.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(mtm_split_sequences);

#define LOCAL_TABLE "sequence_share"
#define ANUM_NODE_ID 1
#define ANUM_REMAINDER 2
#define ANUM_MODULUS 3

int
MtmSequenceFounderModulus(void)
{
	int			modulus = 8;

	while (modulus < MtmFounderCount())
		modulus *= 2;
	return modulus;
}

static int
int_column(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("column %d of mtm." LOCAL_TABLE " is null", column)));
	return DatumGetInt32(value);
}

bool
MtmSequenceShareRead(LOCKMODE lock, MtmSequenceShare *share)
{
	Oid			schema = get_namespace_oid("mtm", true);
	Oid			id = OidIsValid(schema) ? get_relname_relid(LOCAL_TABLE, schema) : InvalidOid;
	Relation	relation = OidIsValid(id) ? table_open(id, lock) : NULL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!relation)
		return false;
	/* What is committed now, whatever the transaction's own snapshot sees. */
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		share->node_id = int_column(tuple, RelationGetDescr(relation), ANUM_NODE_ID);
		share->remainder = int_column(tuple, RelationGetDescr(relation), ANUM_REMAINDER);
		share->modulus = int_column(tuple, RelationGetDescr(relation), ANUM_MODULUS);
	}
	systable_endscan(scan);
	table_close(relation, NoLock);
	return HeapTupleIsValid(tuple);
}

/* With the rights of the extension's owner, whose tables these are. */
static int
run(const char *query)
{
	MtmSavedUser saved;
	int			result;

	saved = MtmBecomeSuperuser();
	result = SPI_execute(query, false, 0);
	MtmBecomeUser(saved);
	return result;
}

void
MtmSequenceShareWrite(const MtmSequenceShare *share)
{
	SPI_connect();
	if (run("DELETE FROM mtm." LOCAL_TABLE) != SPI_OK_DELETE ||
		run(psprintf("INSERT INTO mtm." LOCAL_TABLE " VALUES (%d, %d, %d)", share->node_id,
					 share->remainder, share->modulus)) != SPI_OK_INSERT)
		elog(ERROR, "could not write mtm." LOCAL_TABLE);
	SPI_finish();
	CommandCounterIncrement();
}

/* 0: null. */
static int
spi_int(int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column,
									  &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

void
MtmSequenceShareOfCopy(int source, MtmSequenceShare *share)
{
	int			split_from;

	SPI_connect();
	if (run(psprintf("SELECT share_remainder, share_modulus, share_split_from "
					 "FROM mtm.cluster_nodes WHERE id = %d", mtm_node_id)) != SPI_OK_SELECT)
		elog(ERROR, "could not read mtm.cluster_nodes");
	if (SPI_processed != 1 || spi_int(2) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the copy of node %d does not know of node %d", source, mtm_node_id),
				 errdetail("mtm.cluster_nodes gives it no share of sequence values."),
				 errhint("Copy a node only after mtm.add_node().")));
	share->node_id = mtm_node_id;
	share->remainder = spi_int(1);
	share->modulus = spi_int(2);
	split_from = spi_int(3);
	SPI_finish();
	if (split_from != 0 && split_from != source)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node %d must be a copy of node %d, not of node %d", mtm_node_id,
						split_from, source),
				 errdetail("Its sequence values are half of those of node %d, whose copy "
						   "alone tells which of them are used.", split_from),
				 errhint("Copy node %d, or drop this node and let another one join.",
						 split_from)));
}

static int
row_int(TriggerData *trigger, const char *column)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	bool		isnull;
	Datum		value = heap_getattr(trigger->tg_trigtuple, SPI_fnumber(desc, column), desc,
									 &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

/* After a row of mtm.cluster_nodes was inserted; also where it is applied. */
Datum
mtm_split_sequences(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	MtmSequenceShare given;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("mtm_split_sequences must be a row trigger for INSERT")));
	if (mtm_node_id != 0 && row_int(trigger, "share_split_from") == mtm_node_id)
	{
		given.node_id = row_int(trigger, "id");
		given.remainder = row_int(trigger, "share_remainder");
		given.modulus = row_int(trigger, "share_modulus");
		MtmSequencesSplit(&given);
	}
	return PointerGetDatum(trigger->tg_trigtuple);
}
