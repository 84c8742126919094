CREATE FUNCTION mtm.broadcast_table(relation regclass, mask bigint) RETURNS void
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('broadcast_table', jsonb_build_object('relation', $1::oid::text, 'mask', $2::text));
$$;
REVOKE ALL ON FUNCTION mtm.broadcast_table FROM PUBLIC;
COMMENT ON FUNCTION mtm.broadcast_table IS
  'mtm.copy_table() to each node of the mask (bit 0: node 1) but this one, one after the other. For superusers';
