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

-- No name that a user gave may look like one of ours, or like a session's.
CREATE FUNCTION mtm.transaction_name(gid text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL RESTRICTED
AS $$
  SELECT CASE WHEN gid LIKE 'MTM-%' THEN gid ELSE pg_catalog.quote_literal(gid) END;
$$;
REVOKE ALL ON FUNCTION mtm.transaction_name FROM PUBLIC;
COMMENT ON FUNCTION mtm.transaction_name IS
  'by what name the lock graph has a distributed transaction (internal)';

-- Who may stand for a session of another node is one that other nodes connect as.
CREATE FUNCTION mtm.session_name(pid int) RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(
    (SELECT format('node %s, pid %s', stands_for[1], stands_for[2])
     FROM pg_stat_get_activity(session_name.pid) AS a
     JOIN pg_authid AS r ON r.oid = a.usesysid AND (r.rolreplication OR r.rolsuper),
          regexp_match(a.application_name, '^multimaster [a-z ]+ (\d{1,2}):(\d{1,10})$') AS stands_for
     WHERE stands_for IS NOT NULL),
    format('node %s, pid %s', mtm.my_node_id(), session_name.pid));
$$;
REVOKE ALL ON FUNCTION mtm.session_name FROM PUBLIC;
COMMENT ON FUNCTION mtm.session_name IS
  'by what name the lock graph has a process of this node, maybe that of a session of another node for which it '
  'works (internal)';

-- Peers ask each other with it, in sessions with ordinary rights.
CREATE FUNCTION mtm.lock_waits_here() RETURNS SETOF mtm.lock_wait
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  WITH wait AS MATERIALIZED (
    SELECT waiter_pid, waiter_leader, waiter_gid, holder_pid, holder_gid, holds, locktype,
      relation::oid::regclass::text, mode, waits_since
    FROM mtm.shell_waits()
    UNION
    SELECT pid, pid, NULL, NULL, gid, true, 'commit', NULL, NULL, since
    FROM mtm.shell_transactions()
    WHERE role = 'coordinator' AND since < clock_timestamp() - interval '100 ms'
  ), session AS MATERIALIZED (
    SELECT pid, mtm.session_name(pid) AS name
    FROM (SELECT waiter_leader FROM wait UNION SELECT holder_pid FROM wait) AS known (pid)
    WHERE pid IS NOT NULL
  )
  SELECT (SELECT mtm.my_node_id()), coalesce(mtm.transaction_name(waiter_gid), waiter.name), waiter_pid,
    coalesce(mtm.transaction_name(holder_gid), holder.name, 'a prepared transaction'), holder_pid,
    holds, locktype, relation, mode, waits_since
  FROM wait
  LEFT JOIN session AS waiter ON waiter.pid = waiter_leader
  LEFT JOIN session AS holder ON holder.pid = holder_pid;
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
