CREATE FUNCTION mtm.shell_close_sessions() RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_close_sessions';
REVOKE ALL ON FUNCTION mtm.shell_close_sessions FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_close_sessions IS
  'end the sessions on other nodes (internal)';
