CREATE FUNCTION mtm.drop_node(node_id int) RETURNS void
  LANGUAGE sql STRICT SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('drop_node', jsonb_build_object('id', node_id));
$$;
REVOKE ALL ON FUNCTION mtm.drop_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.drop_node IS
  'take a node out of the cluster for good, alive or not, under load: quorums are then those '
  'of the others. Takes effect when the transaction commits; mtm.status() shows when the '
  'others have agreed (gen_configured). The node cannot come back with the data it has. '
  'Errors: 22023 no such node; 55000 the others would be no quorum. For superusers, unless granted';
