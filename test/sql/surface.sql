-- What the extension offers by name: functions, their results, comments, rights.
-- On node 1 of a cluster of three that is online.
BEGIN;
SELECT plan(121);

SELECT has_schema('mtm');

-- ---- the functions that users call, with what they return ----------------------
CREATE TEMPORARY TABLE promised (name text, arguments text[], returns text);
INSERT INTO promised VALUES
  ('get_cluster_state', '{}', 'mtm.cluster_state'),
  ('get_nodes_state', '{}', 'setof mtm.node_state'),
  ('collect_cluster_info', '{}', 'setof mtm.cluster_state'),
  ('status', '{}', 'mtm.cluster_status'),
  ('nodes', '{}', 'setof mtm.node'),
  ('node_info', '{integer}', 'mtm.node'),
  ('my_node_id', '{}', 'integer'),
  ('ping', '{}', 'boolean'),
  ('poll_node', '{integer,boolean}', 'boolean'),
  ('make_table_local', '{regclass}', 'void'),
  ('get_trans_by_gid', '{text}', 'setof mtm.trans_state'),
  ('get_trans_by_xid', '{bigint}', 'setof mtm.trans_state'),
  ('lock_graph', '{}', 'setof mtm.lock_wait'),
  ('dump_lock_graph', '{}', 'text');

SELECT function_returns('mtm', name, arguments, returns) FROM promised;
SELECT ok(has_function_privilege('public', 'mtm.' || p.name || '(' ||
                                 array_to_string(p.arguments, ',') || ')', 'EXECUTE'),
          'everybody may call mtm.' || name)
FROM promised p;
-- Those that read or write rows of any table, or change which nodes there are.
CREATE TEMPORARY TABLE trusted (name text, arguments text[], returns text);
INSERT INTO trusted VALUES
  ('check_table', '{regclass,integer}', 'setof record'),
  ('check_database', '{integer}', 'setof record'),
  ('check_query', '{text,text}', 'boolean'),
  ('copy_table', '{regclass,integer}', 'void'),
  ('broadcast_table', '{regclass,bigint}', 'void'),
  ('init_cluster', '{text,text[],text}', 'void'),
  ('join_node', '{integer,pg_lsn}', 'void'),
  ('recover_node', '{integer}', 'integer');
SELECT function_returns('mtm', name, arguments, returns) FROM trusted;
SELECT function_privs_are('mtm', name, arguments, 'pg_read_all_data',
  (CASE name WHEN 'check_query' THEN '{EXECUTE}' ELSE '{}' END)::name[]) FROM trusted;

SELECT function_privs_are('mtm', name, arguments, 'pg_monitor', '{EXECUTE}')
FROM promised WHERE name IN ('status', 'get_nodes_state');

-- ---- what only the monitor and the superuser call -----------------------------
SELECT ok(NOT has_function_privilege('pg_monitor', p.oid, 'EXECUTE'),
          'mtm.' || proname || ' is not for everybody')
FROM pg_proc p
WHERE pronamespace = 'mtm'::regnamespace
  AND (proname LIKE 'shell\_%' OR proname IN
       ('api', 'bundle', 'monitor_step', 'deadlock_step', 'session_name', 'xid_outcome', 'prepare_existing_tables',
        'drop_absent_node', 'serve_task', 'check_table', 'check_database', 'check_query', 'copy_table',
        'broadcast_table', 'split_sequences'))
ORDER BY proname;

SELECT is_empty(
  $$SELECT proname FROM pg_proc WHERE pronamespace = 'mtm'::regnamespace
    AND obj_description(oid, 'pg_proc') IS NULL$$,
  'every function has a comment');

SELECT is_empty(
  $$SELECT proname FROM pg_proc WHERE pronamespace = 'mtm'::regnamespace AND prosecdef
    AND NOT coalesce(proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)$$,
  'every function with the rights of its owner has a fixed search_path');

SELECT is_empty(
  $$SELECT proname FROM pg_proc WHERE pronamespace = 'mtm'::regnamespace
    AND proparallel = 's'$$,
  'no function runs in parallel workers');

-- ---- views and tables ------------------------------------------------------------
SELECT has_view('mtm'::name, 'stat_bgwpool'::name);
SELECT has_view('mtm'::name, 'in_doubt'::name);
SELECT columns_are('mtm'::name, 'stat_bgwpool'::name,
  '{n_workers,active,pending,size,used,spilled,max_workers}'::name[]);
SELECT columns_are('mtm'::name, 'in_doubt'::name,
  '{gid,since,coordinator,generation,state,prepared_here,voted_yes,not_voted,waits_for}'::name[]);
SELECT has_table('mtm'::name, 'local_tables'::name);
SELECT col_is_pk('mtm'::name, 'local_tables'::name, '{rel_schema,rel_name}'::name[],
  'a table is listed once');
SELECT ok(has_table_privilege('pg_monitor', 'mtm.local_tables', 'SELECT')
          AND NOT has_table_privilege('pg_monitor', 'mtm.local_tables', 'INSERT'),
          'everybody may read the list, not change it');

SELECT columns_are('mtm'::name, 'sequence_share'::name, '{node_id,remainder,modulus}'::name[]);
SELECT ok(has_table_privilege('pg_monitor', 'mtm.sequence_share', 'SELECT')
          AND NOT has_table_privilege('pg_monitor', 'mtm.sequence_share', 'INSERT, UPDATE, DELETE, TRUNCATE'),
          'everybody may see which values a node gives, not change it');
SELECT results_eq('SELECT node_id, remainder, modulus FROM mtm.sequence_share', 'VALUES (1, 0, 8)',
  'the first node gives the first of eight');

SELECT * FROM finish();
ROLLBACK;
