-- The default is evaluated where the function is called: names in the query mean what
-- they mean there.
CREATE FUNCTION mtm.check_query(
  query text,
  search_path text DEFAULT pg_catalog.current_setting('search_path')
) RETURNS bool
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (mtm.api('check_query', jsonb_build_object('query', $1, 'search_path', $2)) ->> 0)::bool;
$$;
REVOKE ALL ON FUNCTION mtm.check_query FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mtm.check_query TO pg_read_all_data;
COMMENT ON FUNCTION mtm.check_query IS
  'run a query at one consistent point on every online node, with the rights of pg_read_all_data, and compare the rows, '
  'in whatever order; says by WARNING which differ';
