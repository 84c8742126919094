CREATE TYPE mtm.node_state AS (
  id int,
  enabled bool,
  connected bool,
  status text,
  generation int8,
  slot_active bool,
  stopped bool,
  catchup bool,
  slot_lag int8,
  avg_trans_delay int8,
  last_status_change timestamptz,
  sender_pid int,
  sender_start_time timestamptz,
  receiver_pid int,
  receiver_start_time timestamptz,
  conn_str text,
  connectivity_mask int8,
  n_heartbeats int8,
  heartbeat_age_ms int8,
  recovery_lag int8,
  recovery_time_left_ms int8,
  reason text
);
COMMENT ON TYPE mtm.node_state IS
  'one node as another sees it. slot_lag: bytes of WAL that are kept for it here; recovery_lag: '
  'bytes that it has left to read until it is no longer away, recovery_time_left_ms: about how '
  'long, null while unknown; reason: why it was dropped and needs to be rebuilt. '
  'avg_trans_delay is not measured and null';

CREATE FUNCTION mtm.get_nodes_state() RETURNS SETOF mtm.node_state
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.node_state, mtm.api('get_nodes_state', '{}'));
$$;
COMMENT ON FUNCTION mtm.get_nodes_state IS
  'every node as this one sees it';
