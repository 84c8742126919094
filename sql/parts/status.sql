CREATE TYPE mtm.cluster_status AS (
  my_node_id int,
  status text,
  connected int[],
  gen_num int8,
  gen_members int[],
  gen_members_online int[],
  gen_configured int[],
  reason text
);
COMMENT ON TYPE mtm.cluster_status IS 'a node and its generation';

CREATE FUNCTION mtm.status() RETURNS mtm.cluster_status
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.cluster_status, mtm.api('status', '{}'));
$$;
COMMENT ON FUNCTION mtm.status IS
  'this node''s status and generation; reason says why it is not online';
