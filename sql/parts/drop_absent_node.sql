CREATE FUNCTION mtm.drop_absent_node(node_id int) RETURNS bool
  LANGUAGE sql STRICT
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT true FROM jsonb_array_elements(
    mtm.api('drop_absent_node', jsonb_build_object('id', node_id)));
$$;
REVOKE ALL ON FUNCTION mtm.drop_absent_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.drop_absent_node IS
  'drop a node for which more than multimaster.max_recovery_lag of WAL is kept; null: it is '
  'no member of the list, or of the present generation again (internal)';
