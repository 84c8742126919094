CREATE FUNCTION mtm.copy_table(relation regclass, node int) RETURNS void
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('copy_table', jsonb_build_object('relation', $1::oid::text, 'node', $2));
$$;
REVOKE ALL ON FUNCTION mtm.copy_table FROM PUBLIC;
COMMENT ON FUNCTION mtm.copy_table IS
  'replace the rows of a table, with its partitions, on another node by those of this node; those who write the table wait, or get 40P01. For superusers';
