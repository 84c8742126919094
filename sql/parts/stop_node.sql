CREATE FUNCTION mtm.stop_node(node_id int, drop_slot bool DEFAULT false) RETURNS void
  LANGUAGE sql STRICT SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('stop_node', jsonb_build_object('id', node_id, 'drop_slot', drop_slot));
$$;
REVOKE ALL ON FUNCTION mtm.stop_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.stop_node IS
  'take a node out for maintenance, under load: it is no member any more and answers no '
  'statement (57P03), and the others do not wait for it, nor for its loss when its server is '
  'stopped. As long as it runs it keeps up with what they commit. mtm.resume_node() takes it in '
  'again; so do the others by themselves when they are no quorum without it. drop_slot: keep '
  'nothing for it, which is mtm.drop_node(). Errors: 22023 no such node; 55000 the others '
  'would be no quorum. For superusers, unless granted';
