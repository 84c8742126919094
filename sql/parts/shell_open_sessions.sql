CREATE FUNCTION mtm.shell_open_sessions(nodes int[]) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_open_sessions';
REVOKE ALL ON FUNCTION mtm.shell_open_sessions FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_open_sessions IS
  'connect to nodes until the statement ends (internal)';
