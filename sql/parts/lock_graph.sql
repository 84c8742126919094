CREATE TYPE mtm.lock_wait AS (
  node int,
  waiter text,
  waiter_pid int,
  holder text,
  holder_pid int,
  holds bool,
  locktype text,
  relation text,
  mode text
);
COMMENT ON TYPE mtm.lock_wait IS
  'on this node the waiter needs a lock in this mode that the holder has, or (holds = false) waits for before it; '
  'a distributed transaction is named by its gid, a local one "node N, pid P"; a prepared one has no pid';

-- Peers ask each other with it, in sessions with ordinary rights.
CREATE FUNCTION mtm.lock_waits_here() RETURNS SETOF mtm.lock_wait
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT DISTINCT mtm.my_node_id(),
    coalesce(waiter_gid, format('node %s, pid %s', mtm.my_node_id(), waiter_pid)),
    waiter_pid,
    coalesce(holder_gid, format('node %s, pid %s', mtm.my_node_id(), holder_pid)),
    holder_pid, holds, locktype, relation::oid::regclass::text, mode
  FROM mtm.shell_waits();
$$;
COMMENT ON FUNCTION mtm.lock_waits_here IS
  'who waits for whose lock on this node; pg_locks with distributed transactions by their gids';

CREATE FUNCTION mtm.lock_graph() RETURNS SETOF mtm.lock_wait
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.lock_wait, mtm.api('lock_graph', '{}'));
$$;
COMMENT ON FUNCTION mtm.lock_graph IS
  'who waits for whose lock, on every node that can be reached';

CREATE FUNCTION mtm.dump_lock_graph() RETURNS text
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('dump_lock_graph', '{}') ->> 0;
$$;
COMMENT ON FUNCTION mtm.dump_lock_graph IS
  'mtm.lock_graph() in the language of Graphviz: an arrow leads from who waits to whom he waits for';
