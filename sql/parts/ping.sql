CREATE FUNCTION mtm.ping() RETURNS bool
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (mtm.api('ping', '{}') ->> 0)::bool;
$$;
COMMENT ON FUNCTION mtm.ping IS
  'is every member of the current generation online, and do all agree on it?';
