-- What the status functions say of a cluster of three that is online, asked on node 1.
BEGIN;
SELECT plan(35);

-- ---- mtm.status() ------------------------------------------------------------------
SELECT is(mtm.my_node_id(), 1, 'this is node 1');
SELECT is(s.my_node_id, 1, 'status() knows it too') FROM mtm.status() s;
SELECT is(status, 'online', 'the node is online') FROM mtm.status();
SELECT is(reason, '', 'and gives no reason why not') FROM mtm.status();
SELECT is(connected, '{2,3}', 'it is connected to the others') FROM mtm.status();
SELECT cmp_ok(gen_num, '>', 0::bigint, 'there is a generation') FROM mtm.status();
SELECT is(gen_members, '{1,2,3}', 'of all nodes') FROM mtm.status();
SELECT is(gen_members_online, '{1,2,3}', 'all online') FROM mtm.status();
SELECT is(gen_configured, '{1,2,3}', 'all configured') FROM mtm.status();
SELECT ok(mtm.ping(), 'all members say so themselves');

-- ---- mtm.get_cluster_state() ---------------------------------------------------------
SELECT is(id, 1, 'the state is of node 1') FROM mtm.get_cluster_state();
SELECT is(array[disabled_node_mask, disconnected_node_mask, catchup_node_mask,
                stalled_node_mask, stopped_node_mask, dead_node_mask],
          array[0, 0, 0, 0, 0, 0]::bigint[], 'no node is out') FROM mtm.get_cluster_state();
SELECT is(array[live_nodes, all_nodes], '{3,3}', 'three of three') FROM mtm.get_cluster_state();
SELECT is(c.generation, s.gen_num, 'the generation is the same')
  FROM mtm.get_cluster_state() c, mtm.status() s;
SELECT ok(last_status_change < clock_timestamp(), 'it came online in the past')
  FROM mtm.get_cluster_state();
SELECT cmp_ok(queue_size, '>', 0::bigint, 'the queue has a size') FROM mtm.get_cluster_state();
SELECT results_eq('SELECT id, status, generation FROM mtm.collect_cluster_info() ORDER BY 1',
  $$SELECT g, 'online', (SELECT gen_num FROM mtm.status()) FROM generate_series(1, 3) g$$,
  'every node says the same');

-- ---- mtm.get_nodes_state(), mtm.nodes() -----------------------------------------------
SELECT results_eq(
  'SELECT id, enabled, connected, stopped, catchup, status FROM mtm.get_nodes_state()',
  $$SELECT g, true, true, false, false, 'online' FROM generate_series(1, 3) g$$,
  'three nodes, all online');
SELECT is_empty('SELECT FROM mtm.get_nodes_state() WHERE connectivity_mask <> 7',
  'each hears all');
SELECT is_empty($$SELECT FROM mtm.get_nodes_state() WHERE id > 1 AND NOT
  (slot_active AND slot_lag >= 0 AND n_heartbeats > 0 AND heartbeat_age_ms >= 0)$$,
  'the peers read this node and send heartbeats');
SELECT is_empty($$SELECT FROM mtm.get_nodes_state()
  WHERE recovery_lag IS NOT NULL OR recovery_time_left_ms IS NOT NULL OR reason IS NOT NULL$$,
  'nobody catches up, nobody was dropped');
SELECT is_empty($$SELECT FROM mtm.get_nodes_state() n WHERE id > 1 AND NOT EXISTS
  (SELECT FROM pg_stat_replication r WHERE r.pid = n.sender_pid)$$,
  'sender_pid is a walsender');
SELECT is_empty($$SELECT FROM mtm.get_nodes_state() n WHERE id > 1 AND NOT EXISTS
  (SELECT FROM pg_stat_activity a WHERE a.pid = n.receiver_pid)$$,
  'receiver_pid is a process here');
SELECT is_empty($$SELECT FROM mtm.get_nodes_state() WHERE conn_str ~ 'password'$$,
  'no password is shown');
SELECT results_eq('SELECT id, is_self, enabled, connected FROM mtm.nodes()',
  'SELECT g, g = 1, true, true FROM generate_series(1, 3) g', 'nodes() has all three');
SELECT is(receiver_mode, 'normal', 'their streams are read') FROM mtm.node_info(2);
SELECT is((SELECT n FROM mtm.node_info(3) n), (SELECT n FROM mtm.nodes() n WHERE id = 3),
  'node_info() is one row of nodes()');
SELECT throws_ok('SELECT mtm.node_info(9)', '22023', 'there is no node 9');
SELECT throws_ok('SELECT mtm.poll_node(NULL)', '22023', 'there is no node 0');
SELECT ok(mtm.poll_node(2), 'node 2 is online');
SELECT ok(mtm.poll_node(3, nowait => true), 'node 3 is online now');

-- ---- views -------------------------------------------------------------------------
SELECT is_empty('SELECT FROM mtm.in_doubt', 'nothing is in doubt');
SELECT is(count(*), 1::bigint, 'one pool') FROM mtm.stat_bgwpool;
SELECT ok(n_workers BETWEEN 1 AND max_workers, 'with workers') FROM mtm.stat_bgwpool;

-- ---- without rights of a superuser ---------------------------------------------------
SET LOCAL ROLE pg_monitor;
SELECT lives_ok($$
  SELECT FROM mtm.status(), mtm.get_cluster_state(), mtm.get_nodes_state(), mtm.nodes(),
    mtm.collect_cluster_info(), mtm.get_trans_by_gid('x'), mtm.in_doubt, mtm.stat_bgwpool,
    mtm.local_tables$$,
  'any role may look');

SELECT * FROM finish();
ROLLBACK;
