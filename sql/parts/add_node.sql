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
  'password. Errors: 22023 conninfo is wrong; 53400 no number is left; F0000 a setting of '
  'this server is too small for one more node. For superusers, unless granted';
