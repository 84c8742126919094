CREATE FUNCTION mtm.shell_report()
  RETURNS text
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_report';
REVOKE ALL ON FUNCTION mtm.shell_report FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_report IS
  'what the monitor published last, null while it does not run (internal)';
