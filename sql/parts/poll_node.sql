CREATE FUNCTION mtm.poll_node(id int, nowait bool DEFAULT false) RETURNS bool
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (mtm.api('poll_node', jsonb_build_object(
    'id', coalesce($1, 0), 'nowait', coalesce($2, false))) ->> 0)::bool;
$$;
COMMENT ON FUNCTION mtm.poll_node IS
  'wait until a node is online; with nowait, only say whether it is';
