-- The one way from SQL to the code of the functions below. Rows in, rows out: what the
-- code returns stands in an array, empty for nothing.
CREATE FUNCTION mtm.api(name text, arguments jsonb) RETURNS jsonb
  LANGUAGE plv8 STRICT
AS $$
  if (globalThis.multimaster === undefined) plv8.find_function('mtm.bundle')();
  const result = globalThis.multimaster.api[name](arguments);
  if (result === null) return [];
  return Array.isArray(result) ? result : [result];
$$;
REVOKE ALL ON FUNCTION mtm.api FROM PUBLIC;
COMMENT ON FUNCTION mtm.api IS
  'run the code of a function of multimaster (internal)';
