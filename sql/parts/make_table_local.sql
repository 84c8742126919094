CREATE FUNCTION mtm.make_table_local(relation regclass) RETURNS void
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('make_table_local', jsonb_build_object(
    'relation', $1::oid::text,
    'role', CASE current_setting('role') WHEN 'none' THEN session_user
            ELSE current_setting('role') END));
$$;
COMMENT ON FUNCTION mtm.make_table_local IS
  'do not replicate the changes of a table any more; for its owner';
