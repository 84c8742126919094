CREATE FUNCTION mtm.collect_cluster_info() RETURNS SETOF mtm.cluster_state
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.cluster_state, mtm.api('collect_cluster_info', '{}'));
$$;
COMMENT ON FUNCTION mtm.collect_cluster_info IS
  'the cluster as each node that can be reached sees it';
