CREATE FUNCTION mtm.get_cluster_state() RETURNS mtm.cluster_state
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.cluster_state, mtm.api('get_cluster_state', '{}'));
$$;
COMMENT ON FUNCTION mtm.get_cluster_state IS
  'the cluster as this node sees it';
