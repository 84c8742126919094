/*
 * Settings; see settings.h.
 *
 * Runs in: defined and checked in the postmaster; every process reads.
 */
#include "postgres.h"

#include <limits.h>

#include "access/twophase.h"
#include "access/xlog.h"
#include "backend/remote_functions.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "node_list.h"
#include "postmaster/bgworker_internals.h"
#include "replication/slot.h"
#include "replication/walsender.h"
#include "settings.h"
#include "shmem/lanes.h"
#include "utils/guc.h"
#include "utils/varlena.h"

int			mtm_node_id = 0;
char	   *mtm_conn_strings = NULL;
char	   *mtm_cluster_name = NULL;
int			mtm_max_nodes = MTM_MAX_NODES;
int			mtm_heartbeat_send_timeout = 200;
int			mtm_heartbeat_recv_timeout = 2000;
int			mtm_connect_timeout = 10000;
int			mtm_workers = 2;
int			mtm_max_workers = 100;
int			mtm_queue_size = 64 * 1024;
int			mtm_trans_spill_threshold = 100 * 1024;
int			mtm_min_recovery_lag = 10 * 1024;
int			mtm_max_recovery_lag = 1024 * 1024;
bool		mtm_major_node = false;
char	   *mtm_referee_connstring = NULL;
int			mtm_commit_level = MTM_COMMIT_PREPARED;
bool		mtm_wait_peer_commits = false;
bool		mtm_causal_reads = false;
bool		mtm_bypass = false;
bool		mtm_break_connection = false;
bool		mtm_ignore_tables_without_pk = false;
bool		mtm_monotonic_sequences = false;
bool		mtm_dump_of_cluster = false;
bool		mtm_local_large_objects = false;
bool		mtm_cluster_advisory_locks = false;
bool		mtm_volkswagen_mode = false;

static void
define_identity(void)
{
	DefineCustomIntVariable("multimaster.node_id",
							"Number of this node: its position in multimaster.conn_strings.",
							"0: this server is no node of a cluster.",
							&mtm_node_id, 0, 0, MTM_MAX_NODES,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("multimaster.conn_strings",
							   "Connection strings of all nodes, comma-separated, in the "
							   "order of their numbers.",
							   "@file reads them from a file, one in a line.",
							   &mtm_conn_strings, "",
							   PGC_POSTMASTER, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("multimaster.cluster_name",
							   "Name of the cluster; a node of another cluster is refused.",
							   NULL,
							   &mtm_cluster_name, "",
							   PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("multimaster.max_nodes",
							"The most nodes that the cluster may have at a time.",
							NULL,
							&mtm_max_nodes, MTM_MAX_NODES, 1, MTM_MAX_NODES,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
}

static void
define_timeouts(void)
{
	DefineCustomIntVariable("multimaster.heartbeat_send_timeout",
							"Time between two heartbeats to another node.",
							NULL,
							&mtm_heartbeat_send_timeout, 200, 10, 60 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("multimaster.heartbeat_recv_timeout",
							"A node that was silent for so long counts as lost.",
							"Should be several times multimaster.heartbeat_send_timeout.",
							&mtm_heartbeat_recv_timeout, 2000, 100, 600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("multimaster.connect_timeout",
							"The longest time to wait for a connection to another node.",
							NULL,
							&mtm_connect_timeout, 10 * 1000, 100, 600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

static void
define_apply(void)
{
	DefineCustomIntVariable("multimaster.workers",
							"Apply workers that are kept.",
							"They run the transactions of other nodes.",
							&mtm_workers, 2, 1, 1000,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("multimaster.max_workers",
							"The most apply workers that are started under load.",
							NULL,
							&mtm_max_workers, 100, 1, 1000,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("multimaster.queue_size",
							"Memory for transactions of other nodes that wait to be applied.",
							NULL,
							&mtm_queue_size, 64 * 1024, 1024, MAX_KILOBYTES,
							PGC_POSTMASTER, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("multimaster.trans_spill_threshold",
							"A transaction of another node that is larger goes to disk.",
							NULL,
							&mtm_trans_spill_threshold, 100 * 1024, 64, MAX_KILOBYTES,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
}

static void
define_majority(void)
{
	DefineCustomBoolVariable("multimaster.major_node",
							 "Of two halves of the cluster the one with this node goes on.",
							 "At most one node may be it. A change counts when all nodes are there.",
							 &mtm_major_node, false,
							 PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("multimaster.referee_connstring",
							   "Connection string of the referee of a cluster of two nodes.",
							   "It chooses which of them goes on alone. Both must have the same one.",
							   &mtm_referee_connstring, "",
							   PGC_POSTMASTER, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomIntVariable("multimaster.min_recovery_lag",
							"A node that was away is taken in again when it lacks less than this.",
							"The others' commits wait while it reads the rest.",
							&mtm_min_recovery_lag, 10 * 1024, 0, MAX_KILOBYTES,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("multimaster.max_recovery_lag",
							"A node that is away is dropped when more WAL than this is kept for it.",
							"It must then be rebuilt. 0: WAL is kept without a bound.",
							&mtm_max_recovery_lag, 1024 * 1024, 0, MAX_KILOBYTES,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
}

static const struct config_enum_entry commit_levels[] = {
	{"prepared", MTM_COMMIT_PREPARED, false},
	{"applied", MTM_COMMIT_APPLIED, false},
	{NULL, 0, false}
};

static void
define_session(void)
{
	DefineCustomEnumVariable("multimaster.commit_level",
							 "When COMMIT returns.",
							 "prepared: all members have the transaction durably. "
							 "applied: all online members show it.",
							 &mtm_commit_level, MTM_COMMIT_PREPARED, commit_levels,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("multimaster.wait_peer_commits",
							 "The same as multimaster.commit_level = applied.",
							 NULL,
							 &mtm_wait_peer_commits, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("multimaster.causal_reads",
							 "A read sees what was acknowledged on any node before it began.",
							 "At READ COMMITTED each statement waits for it, above that BEGIN.",
							 &mtm_causal_reads, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

static void
define_behavior(void)
{
	DefineCustomBoolVariable("multimaster.bypass",
							 "Lets this session work on a node that is not online.",
							 "What it writes stays on this node.",
							 &mtm_bypass, false,
							 PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomBoolVariable("multimaster.break_connection",
							 "A node that is not online closes sessions that send it a statement.",
							 "Off: the statement fails and the session stays.",
							 &mtm_break_connection, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("multimaster.ignore_tables_without_pk",
							 "Tables without a primary key are local to each node.",
							 "Off: their rows are replicated and found by all columns.",
							 &mtm_ignore_tables_without_pk, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("multimaster.volkswagen_mode",
							 "Pretends to be plain PostgreSQL, for its own regression suite.",
							 "Every node gives all values of a sequence, so write on one node only.",
							 &mtm_volkswagen_mode, false,
							 PGC_POSTMASTER, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomBoolVariable("multimaster.local_large_objects",
							 "Large objects are local to each node.",
							 "Off: functions that write them fail, since they are not replicated.",
							 &mtm_local_large_objects, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("multimaster.remote_functions",
							   "Functions whose calls run on every node, as schema.name, "
							   "separated by commas.",
							   "What such a call writes is not sent: each node's own call writes it.",
							   &mtm_remote_functions, "",
							   PGC_SUSET, GUC_LIST_INPUT, MtmRemoteFunctionsCheck,
							   MtmRemoteFunctionsAssign, NULL);
	DefineCustomBoolVariable("multimaster.cluster_advisory_locks",
							 "Advisory locks hold over all nodes.",
							 "Off: they are local to each node. Sessions that share a lock must have "
							 "the same value.",
							 &mtm_cluster_advisory_locks, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

static void
define_sequences(void)
{
	DefineCustomBoolVariable("multimaster.monotonic_sequences",
							 "Values of sequences also grow from node to node, with the commits.",
							 "A transaction that drew a value is committed on all nodes, and they "
							 "go on behind that value.",
							 &mtm_monotonic_sequences, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("multimaster.dump_of_cluster",
							 "This session loads what pg_dump wrote of a cluster.",
							 "Increments of new sequences are multiplied already. A dump that "
							 "begins with the extension turns it on.",
							 &mtm_dump_of_cluster, false,
							 PGC_USERSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}

void
MtmSettingsDefine(void)
{
	define_identity();
	define_timeouts();
	define_apply();
	define_majority();
	define_session();
	define_behavior();
	define_sequences();
	MarkGUCPrefixReserved("multimaster");
}

/* Add a line when the server's setting is below what it needs. */
static void
need_at_least(StringInfo wrong, const char *name, int value, int64 needed,
			  const char *why)
{
	if (value < needed)
		appendStringInfo(wrong, "%s%s is %d, needs at least " INT64_FORMAT " (%s)",
						 wrong->len > 0 ? "\n" : "", name, value, needed, why);
}

/*
 * Newer minor releases let users with REPLICATION, as the peers' role is, decode
 * only with plugins that the administrator named in this list.
 */
static void
need_trusted_plugin(StringInfo wrong)
{
	const char *list = GetConfigOption("output_plugin_libraries", true, false);
	List	   *names = NIL;
	ListCell   *cell;

	if (!list)
		return;					/* this release has no such list */
	if (SplitDirectoriesString(pstrdup(list), ',', &names))
	{
		foreach(cell, names)
		{
			const char *name = lfirst(cell);
			const char *slash = strrchr(name, '/');

			if (strcmp(slash ? slash + 1 : name, "multimaster") == 0)
				return;
		}
	}
	if (wrong->len > 0)
		appendStringInfoChar(wrong, '\n');
	appendStringInfo(wrong, "output_plugin_libraries is \"%s\" and does not name \"multimaster\"",
					 list);
}

static void
check_server_settings(int64 nodes, int elevel)
{
	StringInfoData wrong;
	int64		peers = nodes - 1;

	initStringInfo(&wrong);
	if (wal_level < WAL_LEVEL_LOGICAL)
		appendStringInfoString(&wrong, "wal_level is not \"logical\"");
	need_at_least(&wrong, "max_prepared_transactions", max_prepared_xacts,
				  nodes * MaxConnections + peers * MTM_LANES * MTM_LANE_RING,
				  "nodes * max_connections + other nodes * 64");
	need_at_least(&wrong, "max_wal_senders", max_wal_senders, peers + 2,
				  "other nodes + 2");
	need_at_least(&wrong, "max_replication_slots", max_replication_slots,
				  peers * MTM_LANES + 2, "other nodes * 4 + 2");
	need_at_least(&wrong, "max_worker_processes", max_worker_processes,
				  12 + peers * (1 + MTM_LANES) + mtm_max_workers,
				  "12 + other nodes * 5 + multimaster.max_workers");
	need_trusted_plugin(&wrong);
	if (wrong.len > 0)
		ereport(elevel,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster cannot run with these settings"),
				 errdetail_internal("%s", wrong.data),
				 errhint("The numbers are for %d nodes and max_connections = %d.",
						 (int) nodes, MaxConnections)));
	pfree(wrong.data);
}

void
MtmSettingsCheckRoom(int nodes)
{
	check_server_settings(nodes, ERROR);
}

/* Not a check hook: PostgreSQL would go on with the default, a cluster without a name. */
static void
check_cluster_name(void)
{
	if (strlen(mtm_cluster_name) >= NAMEDATALEN)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster.cluster_name must be shorter than %d bytes",
						NAMEDATALEN)));
	for (const char *at = mtm_cluster_name; *at; at++)
	{
		if ((unsigned char) *at < ' ' || (unsigned char) *at > '~')
			ereport(FATAL,
					(errcode(ERRCODE_CONFIG_FILE_ERROR),
					 errmsg("multimaster.cluster_name may only have printable ASCII "
							"characters")));
	}
}

/*
 * More nodes are no mistake: some of them may have been dropped, or the cluster may have
 * grown since.
 */
static void
check_referee(void)
{
	const char *problem;

	if (!MtmHasReferee())
		return;
	problem = MtmConnStringProblem(mtm_referee_connstring);
	if (problem)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster.referee_connstring is wrong: %s", problem),
				 errhint("It looks like \"host=... port=... dbname=...\".")));
	if (MtmNodeCount() != 2)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster.referee_connstring is of use only while the cluster "
						"has two nodes"),
				 errdetail("multimaster.conn_strings has %d.", MtmNodeCount())));
	else if (mtm_major_node)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster.referee_connstring is of no use while "
						"multimaster.major_node is on")));
}

static void
check_own_settings(void)
{
	check_cluster_name();
	if (mtm_node_id == 0)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster.conn_strings is set but multimaster.node_id is not"),
				 errhint("Set multimaster.node_id to this node's position in "
						 "multimaster.conn_strings.")));
	if (MtmFounderCount() > mtm_max_nodes)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster.conn_strings has %d nodes, more than "
						"multimaster.max_nodes = %d", MtmFounderCount(), mtm_max_nodes)));
	if (mtm_workers > mtm_max_workers)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster.workers = %d is more than "
						"multimaster.max_workers = %d", mtm_workers, mtm_max_workers)));
	check_referee();
	if (mtm_volkswagen_mode)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster.volkswagen_mode is on, which is for tests of PostgreSQL only"),
				 errdetail("Nodes give the same values of a sequence.")));
}

void
MtmSettingsCheck(void)
{
	if (IsBinaryUpgrade || !mtm_conn_strings || mtm_conn_strings[0] == '\0')
		return;
	MtmNodeListRead(mtm_conn_strings);
	check_own_settings();
	/* How many were added only the list of nodes says: mtm.add_node() looks. */
	check_server_settings(MtmFounderCount(), FATAL);
}

bool
MtmHasReferee(void)
{
	return mtm_referee_connstring && mtm_referee_connstring[0] != '\0';
}

bool
MtmConfigured(void)
{
	return mtm_node_id > 0 && MtmNodeCount() > 0;
}
