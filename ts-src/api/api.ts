// The code behind the SQL functions, by their names. Each takes one jsonb and gives one;
// the wrappers in sql/parts/ make rows and columns of it.
import { add_node } from './add_node.ts';
import { alter_sequences } from './alter_sequences.ts';
import { broadcast_table } from './broadcast_table.ts';
import { check_database } from './check_database.ts';
import { check_query } from './check_query.ts';
import { check_table } from './check_table.ts';
import { collect_cluster_info } from './collect_cluster_info.ts';
import { drop_absent_node } from './drop_absent_node.ts';
import { drop_node } from './drop_node.ts';
import { copy_table } from './copy_table.ts';
import { dump_lock_graph } from './dump_lock_graph.ts';
import { get_cluster_state } from './get_cluster_state.ts';
import { get_nodes_state } from './get_nodes_state.ts';
import { get_trans_by_gid } from './get_trans_by_gid.ts';
import { get_trans_by_xid } from './get_trans_by_xid.ts';
import { check_cluster, form_cluster, take_back_cluster } from './init_cluster.ts';
import { in_doubt } from './in_doubt.ts';
import { join_node } from './join_node.ts';
import { lock_graph } from './lock_graph.ts';
import { make_table_local } from './make_table_local.ts';
import { nodes } from './nodes.ts';
import { ping } from './ping.ts';
import { poll_node } from './poll_node.ts';
import { recover_node } from './recover_node.ts';
import { resume_node } from './resume_node.ts';
import { status } from './status.ts';
import { stop_node } from './stop_node.ts';
import { transaction_here } from './transaction_here.ts';

export const api = {
  add_node,
  alter_sequences,
  broadcast_table,
  check_cluster,
  check_database,
  check_query,
  check_table,
  collect_cluster_info,
  drop_absent_node,
  drop_node,
  copy_table,
  dump_lock_graph,
  form_cluster,
  get_cluster_state,
  get_nodes_state,
  get_trans_by_gid,
  get_trans_by_xid,
  in_doubt,
  join_node,
  lock_graph,
  make_table_local,
  nodes,
  ping,
  poll_node,
  recover_node,
  resume_node,
  status,
  stop_node,
  take_back_cluster,
  transaction_here,
};
