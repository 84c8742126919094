-- What differs shows keys and rows of any table: only for those who may see all of them.
CREATE FUNCTION mtm.check_table(relation regclass, max_rows int DEFAULT 100)
  RETURNS TABLE (node_id int, relation regclass, key text, problem text)
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT r.node_id, r.relation::oid::regclass, r.key, r.problem
  FROM jsonb_to_recordset(mtm.api('check_table', jsonb_build_object(
         'relation', $1::oid::text, 'max_rows', $2)))
       AS r (node_id int, relation int8, key text, problem text);
$$;
REVOKE ALL ON FUNCTION mtm.check_table FROM PUBLIC;
COMMENT ON FUNCTION mtm.check_table IS
  'compare a table, with its partitions, between all online nodes at one consistent point; no rows: it is the same everywhere. '
  'For superusers, and to whom EXECUTE is granted: it shows keys and rows of any table';
