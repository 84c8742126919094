CREATE FUNCTION mtm.shell_query(node_id int, query text, timeout_ms int)
  RETURNS jsonb
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_query';
REVOKE ALL ON FUNCTION mtm.shell_query FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_query IS
  'run a query on another node (internal)';
