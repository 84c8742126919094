/*
 * Settings (multimaster.*), the node list parsed from them, and the check of the
 * server's own settings.
 *
 * Runs in: every process; parsed once in the postmaster.
 */
#ifndef MTM_SETTINGS_H
#define MTM_SETTINGS_H

#include "shmem/shared.h"

#define MTM_VERSION "1.0"

extern int	mtm_node_id;
extern char *mtm_conn_strings;
extern char *mtm_cluster_name;
extern int	mtm_max_nodes;
extern int	mtm_heartbeat_send_timeout; /* ms */
extern int	mtm_heartbeat_recv_timeout; /* ms */
extern int	mtm_connect_timeout;	/* ms */
extern int	mtm_workers;
extern int	mtm_max_workers;
extern int	mtm_queue_size;		/* kB */
extern int	mtm_trans_spill_threshold;	/* kB */
extern int	mtm_min_recovery_lag;	/* kB */
extern int	mtm_max_recovery_lag;	/* kB, 0: no bound; read by the control plane */
extern bool mtm_major_node;
extern char *mtm_referee_connstring;
extern int	mtm_commit_level;	/* MtmCommitLevel */
extern bool mtm_wait_peer_commits;	/* the ancestor's name for "applied" */
extern bool mtm_causal_reads;
extern bool mtm_bypass;
extern bool mtm_break_connection;
extern bool mtm_ignore_tables_without_pk;
extern bool mtm_monotonic_sequences;
extern bool mtm_dump_of_cluster;
extern bool mtm_local_large_objects;
extern bool mtm_cluster_advisory_locks;

/* When COMMIT returns. */
typedef enum MtmCommitLevel
{
	MTM_COMMIT_PREPARED,		/* all members have the transaction durably */
	MTM_COMMIT_APPLIED			/* all online members show it */
} MtmCommitLevel;
/* For PostgreSQL's own tests: its sequences, and no messages that it does not have. */
extern bool mtm_volkswagen_mode;

extern void MtmSettingsDefine(void);
/* ereport(FATAL) naming every setting that is too small. */
extern void MtmSettingsCheck(void);

/* ereport(ERROR) naming every setting that is too small for so many nodes. */
extern void MtmSettingsCheckRoom(int nodes);

/* True when node_id and conn_strings are set: everything is off otherwise. */
extern bool MtmConfigured(void);
extern bool MtmHasReferee(void);
/* All that were ever in the cluster, dropped ones as well: numbers are not given again. */
extern int	MtmNodeCount(void);
extern const char *MtmConnString(int node_id);	/* as configured */
extern char *MtmDatabaseName(void); /* dbname of our own conn string */

#define MtmForEachPeer(node_id) \
	for (int node_id = 1; node_id <= MtmNodeCount(); node_id++) \
		if (node_id != mtm_node_id)

#endif
