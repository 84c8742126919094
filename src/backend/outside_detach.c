/*
 * ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY, and FINALIZE; see outside.c.
 *
 * Runs in: the client's backend.
 * Path: backend/outside.c -> here -> backend/outside_steps.c
 * Locks: outside_session.h
 */
#include "postgres.h"

#include "backend/outside_kinds.h"
#include "backend/outside_session.h"
#include "backend/outside_steps.h"
#include "catalog/namespace.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "settings.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "wire/outside.h"

static bool
is_published(const char *target)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(target)};
	bool		found;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute_with_args("SELECT FROM mtm.unfinished_statements "
							  "WHERE target OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read mtm.unfinished_statements");
	found = SPI_processed > 0;
	SPI_finish();
	MtmOutsideBegin();
	return found;
}

typedef struct Detach
{
	MtmOutsideClient *statement;
	MtmOutsideChange *change;
	Oid			parent;
	Oid			partition;
	bool		finalize;		/* the client's statement is FINALIZE */
} Detach;

/* Here first, with all errors of PostgreSQL; what a former try began, in the way of other nodes. */
static void
detach_here(void *argument)
{
	const Detach *detach = argument;

	switch (MtmPartitionStateOf(detach->parent, detach->partition))
	{
		case MTM_PARTITION_OTHER:
			return;
		case MTM_PARTITION_ATTACHED:
			if (!detach->finalize)
			{
				MtmOutsideRunHere(detach->statement);
				return;
			}
			break;
		case MTM_PARTITION_DETACHING:
			if (detach->finalize)
			{
				MtmOutsideRunHere(detach->statement);
				return;
			}
			break;
	}
	MtmOutsideRunOnNodes(detach->change, MTM_NODE_BIT(mtm_node_id));
}

static void
detach_elsewhere(void *argument)
{
	const Detach *detach = argument;

	MtmOutsideRunOnOthers(detach->change);
	MtmOutsideRecord(detach->change);
}

static void
throw_detach_error(ErrorData *error, const MtmOutsideChange *change)
{
	if (!error->hint)
		error->hint = psprintf("Where it was detached it stays so. To end it on all nodes: %s FINALIZE.",
							   change->text);
	ReThrowError(error);
}

static void
detach_known(Detach *detach)
{
	MtmOutsideChange *change = detach->change;
	bool		unfinished = is_published(change->target);
	MtmPartitionState state = MtmPartitionStateOf(detach->parent, detach->partition);
	ErrorData  *error;

	if (state == MTM_PARTITION_OTHER && !unfinished)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" is not a partition of relation \"%s\"",
						get_rel_name(detach->partition), get_rel_name(detach->parent))));
	if (!unfinished && detach->finalize != (state == MTM_PARTITION_DETACHING))
	{
		MtmOutsideRunHere(detach->statement);	/* PostgreSQL refuses it */
		return;
	}
	MtmOutsidePublish(change);
	error = MtmOutsideAttempt(detach_here, detach);
	if (error && !unfinished &&
		MtmPartitionStateOf(detach->parent, detach->partition) == MTM_PARTITION_ATTACHED)
	{
		/* no node has begun */
		change->forget = true;
		MtmOutsideRecord(change);
		ReThrowError(error);
	}
	if (!error)
		error = MtmOutsideAttempt(detach_elsewhere, detach);
	if (error)
		throw_detach_error(error, change);
}

void
MtmOutsideDetachPartition(MtmOutsideClient *statement)
{
	AlterTableStmt *alter = (AlterTableStmt *) statement->node;
	AlterTableCmd *command = MtmDetachCommand(alter);
	RangeVar   *name = castNode(PartitionCmd, command->def)->name;
	Detach		detach = {
		.statement = statement,
		.parent = RangeVarGetRelid(alter->relation, NoLock, alter->missing_ok),
		.finalize = command->subtype == AT_DetachPartitionFinalize
	};
	const char *partition;

	if (!OidIsValid(detach.parent))
	{
		MtmOutsideRunHere(statement);	/* IF EXISTS */
		return;
	}
	if (!pg_class_ownercheck(detach.parent, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(detach.parent)),
					   get_rel_name(detach.parent));
	detach.partition = RangeVarGetRelid(name, NoLock, false);
	partition = MtmQualifiedName(detach.partition);
	detach.change = MtmOutsideChangeMake(statement->command,
										 psprintf("partition %s", partition),
										 psprintf("ALTER TABLE %s DETACH PARTITION %s",
												  MtmQualifiedName(detach.parent), partition));
	MtmOutsideLock(detach.change->target);
	detach_known(&detach);
}
