CREATE FUNCTION mtm.resume_node(node_id int) RETURNS void
  LANGUAGE sql STRICT SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('resume_node', jsonb_build_object('id', node_id));
$$;
REVOKE ALL ON FUNCTION mtm.resume_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.resume_node IS
  'take a node in again that mtm.stop_node() took out; called on any node that is online. It is a '
  'member when it has caught up. Errors: 22023 no such node, or it was not stopped; 55000 it '
  'was dropped. For superusers, unless granted';
