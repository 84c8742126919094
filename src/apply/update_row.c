/*
 * Updating a row that was found and not locked.
 *
 * Runs in: apply workers.
 * Path: apply/rows.c -> here -> heap and indexes
 * Locks: the row, by the update itself.
 *
 * A lock of its own before the update costs a snapshot, a change of the page and a record of
 * WAL, which every walsender of this node decodes. It is not needed: an update waits for
 * others as the lock does, and says when the version that was found is not the newest any
 * more. ExecSimpleRelationUpdate() takes that for an error, so this is what it does
 * without triggers before the row, and with an answer instead.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "apply/update_row.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"

bool
MtmUpdatesUnlocked(const MtmAppliedRelation *target)
{
	const TriggerDesc *triggers = target->result->ri_TrigDesc;

	return OidIsValid(target->identity_index) &&
		target->relation->rd_rel->relkind == RELKIND_RELATION &&
		!(triggers && triggers->trig_update_before_row);
}

static void
check_row(MtmAppliedRelation *target)
{
	Relation	relation = target->relation;

	CheckCmdReplicaIdentity(relation, CMD_UPDATE);
	if (relation->rd_att->constr)
	{
		if (relation->rd_att->constr->has_generated_stored)
			ExecComputeStoredGenerated(target->result, target->estate, target->row, CMD_UPDATE);
		ExecConstraints(target->result, target->row, target->estate);
	}
	if (relation->rd_rel->relispartition)
		ExecPartitionCheck(target->result, target->row, target->estate, true);
}

bool
MtmUpdateRow(MtmAppliedRelation *target)
{
	ItemPointer place = &target->found->tts_tid;
	List	   *rechecked = NIL;
	TM_FailureData failure;
	LockTupleMode mode;
	TM_Result	result;
	bool		new_entries;

	check_row(target);
	result = table_tuple_update(target->relation, place, target->row, GetCurrentCommandId(true),
								target->estate->es_snapshot, InvalidSnapshot, true, &failure,
								&mode, &new_entries);
	if (result == TM_Updated || result == TM_Deleted)
		return false;
	if (result != TM_Ok)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("unexpected status %d of an update", result)));

	if (target->result->ri_NumIndices > 0 && new_entries)
		rechecked = ExecInsertIndexTuples(target->result, target->row, target->estate, true, false,
										  NULL, NIL);
	ExecARUpdateTriggers(target->estate, target->result, NULL, NULL, place, NULL, target->row,
						 rechecked, NULL, false);
	list_free(rechecked);
	return true;
}
