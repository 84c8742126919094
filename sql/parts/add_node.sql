CREATE FUNCTION mtm.add_node(conninfo text) RETURNS int
  LANGUAGE sql STRICT SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (mtm.api('add_node', jsonb_build_object('conninfo', conninfo)) ->> 0)::int;
$$;
REVOKE ALL ON FUNCTION mtm.add_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.add_node IS
  'put a new node into the list of nodes, under load, and give its number. When the transaction '
  'has committed all nodes keep their WAL for it; it becomes a member once it has caught up. '
  '"multimaster join" calls this, makes the node as a copy of an online one, and starts it. '
  'conninfo: how the others reach it, as in multimaster.conn_strings; better without a '
  'password. When every share of sequence values has been given, the new node gets half of those '
  'of this one (mtm.sequence_share), whose copy it must then be; a NOTICE names nodes that have '
  'more. Errors: 22023 conninfo is wrong; 53400 no number, no room or too few sequence values '
  'are left; F0000 a setting of this server is too small for one more node; 55P03 a transaction '
  'that has drawn sequence values does not end within about 20 s, 22003 the increment of a '
  'sequence is too large to be doubled. For superusers, unless granted';
