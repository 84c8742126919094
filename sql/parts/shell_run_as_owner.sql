CREATE FUNCTION mtm.shell_run_as_owner(relation oid, query text) RETURNS jsonb
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_run_as_owner';
REVOKE ALL ON FUNCTION mtm.shell_run_as_owner FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_run_as_owner IS
  'run a query, of one value if any, with the rights of the owner of a table (internal)';
