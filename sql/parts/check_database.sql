CREATE FUNCTION mtm.check_database(max_rows int DEFAULT 100)
  RETURNS TABLE (node_id int, relation regclass, key text, problem text)
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT r.node_id, r.relation::oid::regclass, r.key, r.problem
  FROM jsonb_to_recordset(mtm.api('check_database', jsonb_build_object('max_rows', $1)))
       AS r (node_id int, relation int8, key text, problem text);
$$;
REVOKE ALL ON FUNCTION mtm.check_database FROM PUBLIC;
COMMENT ON FUNCTION mtm.check_database IS
  'compare all replicated tables between all online nodes at one consistent point; see mtm.check_table()';
