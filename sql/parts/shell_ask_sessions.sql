CREATE FUNCTION mtm.shell_ask_sessions(nodes int[], queries text[]) RETURNS jsonb
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_ask_sessions';
REVOKE ALL ON FUNCTION mtm.shell_ask_sessions FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_ask_sessions IS
  'run a query on each of the nodes at the same time (internal)';
