/*
 * mtm.shell_add_node(), mtm.shell_make_slot(), mtm.shell_copy_done(): what a node does for
 * others that join, and for itself when it is the new one; mtm.shell_check_new_node(),
 * mtm.shell_conn_string().
 *
 * Runs in: the monitor; the last two in sessions of mtm.add_node() and mtm.recover_node().
 * Path: mtm.monitor_step() -> here -> shmem/added_nodes.c, PostgreSQL's slots
 * Locks: none of its own.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "joining/copy.h"
#include "monitor/shell_access.h"
#include "node_list.h"
#include "replication/slot.h"
#include "settings.h"
#include "shmem/added_nodes.h"
#include "shmem/outbox.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* A slot that is made from nothing waits for transactions; the monitor must not. */
#define LONGEST_WAIT "100ms"

PG_FUNCTION_INFO_V1(mtm_shell_add_node);
PG_FUNCTION_INFO_V1(mtm_shell_make_slot);
PG_FUNCTION_INFO_V1(mtm_shell_copy_done);
PG_FUNCTION_INFO_V1(mtm_shell_check_new_node);
PG_FUNCTION_INFO_V1(mtm_shell_conn_string);

Datum
mtm_shell_add_node(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);

	MtmShellRequireMonitor();
	if (!MtmAddedNodePut(node_id, text_to_cstring(PG_GETARG_TEXT_PP(1))))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("node %d in mtm.cluster_nodes does not follow node %d", node_id,
						MtmNodeCount())));
	MtmOutboxWakeSender();
	PG_RETURN_VOID();
}

/*
 * A copy of another peer's slot begins earlier than needed, and is there at once. Only
 * where there is no other peer one must be made from nothing.
 */
static char *
statement_for(const char *name)
{
	SPITupleTable *rows;

	if (SPI_execute("SELECT slot_name FROM pg_catalog.pg_replication_slots "
					"WHERE plugin = 'multimaster' AND confirmed_flush_lsn IS NOT NULL "
					"AND database = pg_catalog.current_database() "
					"AND slot_name LIKE 'mtm\\_slot\\_%' "
					"ORDER BY confirmed_flush_lsn DESC LIMIT 1", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for replication slots");
	rows = SPI_tuptable;
	if (SPI_processed == 0)
		return psprintf("SELECT pg_catalog.pg_create_logical_replication_slot('%s', "
						"'multimaster', false, true)", name);
	return psprintf("SELECT pg_catalog.pg_copy_logical_replication_slot('%s', '%s', false, "
					"'multimaster')", SPI_getvalue(rows->vals[0], rows->tupdesc, 1), name);
}

static void
make_slot(const char *name)
{
	int			level = NewGUCNestLevel();

	SPI_connect();
	(void) set_config_option("lock_timeout", LONGEST_WAIT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute(statement_for(name), false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not make replication slot \"%s\"", name);
	SPI_finish();
	AtEOXact_GUC(true, level);
}

/* The slot that a peer will read this node from. */
Datum
mtm_shell_make_slot(PG_FUNCTION_ARGS)
{
	char		name[NAMEDATALEN];

	MtmShellRequireMonitor();
	snprintf(name, sizeof(name), "mtm_slot_%d", PG_GETARG_INT32(0));
	if (SearchNamedReplicationSlot(name, true))
		PG_RETURN_VOID();
	PG_TRY();
	{
		make_slot(name);
	}
	PG_CATCH();
	{
		/* The end of a subtransaction does not give it back. */
		if (MyReplicationSlot)
			ReplicationSlotRelease();
		PG_RE_THROW();
	}
	PG_END_TRY();
	ereport(LOG, (errmsg("made replication slot \"%s\"", name)));
	PG_RETURN_VOID();
}

Datum
mtm_shell_copy_done(PG_FUNCTION_ARGS)
{
	MtmShellRequireMonitor();
	MtmCopyDone();
	PG_RETURN_VOID();
}

Datum
mtm_shell_check_new_node(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);
	int			nodes = PG_GETARG_INT32(2);

	MtmShellRequireSuperuser();
	MtmConnStringCheck(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (node_id > MTM_MAX_NODES)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("there can be no node %d", node_id),
				 errdetail("Nodes have the numbers 1 to %d, and those of dropped nodes are not "
						   "given again.", MTM_MAX_NODES),
				 errhint("Move the database to a new cluster, by pg_dump.")));
	if (nodes > mtm_max_nodes)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the cluster has no room for another node"),
				 errdetail("There would be %d nodes; multimaster.max_nodes is %d.", nodes,
						   mtm_max_nodes),
				 errhint("What is kept for a dropped node counts until it is not needed any "
						 "more.")));
	MtmSettingsCheckRoom(nodes);
	PG_RETURN_VOID();
}

Datum
mtm_shell_conn_string(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);

	MtmShellRequireSuperuser();
	if (node_id < 1 || node_id > MtmNodeCount())
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(MtmConnString(node_id)));
}
