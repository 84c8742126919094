CREATE FUNCTION mtm.node_info(id int) RETURNS mtm.node
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.node, mtm.api('nodes', jsonb_build_object('id', coalesce($1, 0))));
$$;
COMMENT ON FUNCTION mtm.node_info IS
  'one node, and the processes of this server that serve it';
