-- What a node does for another one that compares or copies tables. The C code of the
-- two that other nodes call checks that the role may replicate.
CREATE FUNCTION mtm.serve_task(task text, arguments jsonb) RETURNS jsonb
  LANGUAGE plv8 STRICT
  SET search_path = pg_catalog, pg_temp
AS $$
  if (globalThis.multimaster === undefined) plv8.find_function('mtm.bundle')();
  return globalThis.multimaster.serve(task, arguments);
$$;
REVOKE ALL ON FUNCTION mtm.serve_task FROM PUBLIC;
COMMENT ON FUNCTION mtm.serve_task IS
  'a task for another node that compares or copies tables, with all rights (internal)';

CREATE FUNCTION mtm.serve(task text, arguments jsonb) RETURNS jsonb
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_serve';
COMMENT ON FUNCTION mtm.serve IS
  'a task for another node that compares or copies tables (internal)';

CREATE FUNCTION mtm.read_value(query text) RETURNS jsonb
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_read_value';
COMMENT ON FUNCTION mtm.read_value IS
  'a query that gives one value, with the rights of pg_read_all_data, in a read-only transaction (internal)';
