CREATE FUNCTION mtm.my_node_id() RETURNS int
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (mtm.shell_config() ->> 'node_id')::int;
$$;
COMMENT ON FUNCTION mtm.my_node_id IS
  'the id of this node';
