CREATE TYPE mtm.lock_wait AS (
  node int,
  waiter text,
  waiter_pid int,
  holder text,
  holder_pid int,
  holds bool,
  locktype text,
  relation text,
  mode text,
  waits_since timestamptz
);
COMMENT ON TYPE mtm.lock_wait IS
  'on this node the waiter needs a lock in this mode that the holder has, or (holds = false) waits for before it; '
  'a distributed transaction is named by its gid (a user''s own in quotes), a session "node N, pid P", also by what '
  'a process on another node does for it; a prepared one has no pid. locktype "commit", without a mode: the session '
  'waits for the outcome of its transaction';

CREATE FUNCTION mtm.waiter_name(pid int, gid text) RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  -- No name that a user gave may look like one of ours, or like a session's. Who may
  -- stand for a session of another node is one that other nodes connect as.
  SELECT CASE
    WHEN gid LIKE 'MTM-%' THEN gid
    WHEN gid IS NOT NULL THEN quote_literal(gid)
    WHEN pid IS NULL THEN 'a prepared transaction'
    ELSE coalesce(
      (SELECT format('node %s, pid %s', stands_for[1], stands_for[2])
       FROM pg_stat_get_activity(waiter_name.pid) AS a
       JOIN pg_authid AS r ON r.oid = a.usesysid AND (r.rolreplication OR r.rolsuper),
            regexp_match(a.application_name, '^multimaster [a-z ]+ (\d{1,2}):(\d{1,10})$') AS stands_for
       WHERE stands_for IS NOT NULL),
      format('node %s, pid %s', mtm.my_node_id(), waiter_name.pid))
  END;
$$;
REVOKE ALL ON FUNCTION mtm.waiter_name FROM PUBLIC;
COMMENT ON FUNCTION mtm.waiter_name IS
  'by what name the lock graph has a process of this node, or (not null) a distributed transaction (internal)';

-- Peers ask each other with it, in sessions with ordinary rights.
CREATE FUNCTION mtm.lock_waits_here() RETURNS SETOF mtm.lock_wait
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT DISTINCT mtm.my_node_id(), mtm.waiter_name(waiter_leader, waiter_gid), waiter_pid,
    mtm.waiter_name(holder_pid, holder_gid), holder_pid, holds, locktype,
    relation::oid::regclass::text, mode, waits_since
  FROM mtm.shell_waits()
  UNION ALL
  SELECT mtm.my_node_id(), mtm.waiter_name(pid, NULL), pid,
    mtm.waiter_name(NULL, gid), NULL, true, 'commit', NULL, NULL, since
  FROM mtm.shell_transactions()
  WHERE role = 'coordinator' AND since < clock_timestamp() - interval '100 ms';
$$;
COMMENT ON FUNCTION mtm.lock_waits_here IS
  'who waits for whose lock on this node; pg_locks with distributed transactions by their gids; and which sessions '
  'wait for the outcome of their commit';

CREATE FUNCTION mtm.lock_graph() RETURNS SETOF mtm.lock_wait
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.lock_wait, mtm.api('lock_graph', '{}'));
$$;
COMMENT ON FUNCTION mtm.lock_graph IS
  'who waits for whose lock, on every node that can be reached; who waits for a commit is in it if others wait for '
  'locks of that session';

CREATE FUNCTION mtm.dump_lock_graph() RETURNS text
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('dump_lock_graph', '{}') ->> 0;
$$;
COMMENT ON FUNCTION mtm.dump_lock_graph IS
  'mtm.lock_graph() in the language of Graphviz: an arrow leads from who waits to whom he waits for';
