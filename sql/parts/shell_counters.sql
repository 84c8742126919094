CREATE FUNCTION mtm.shell_counters()
  RETURNS TABLE (
    commits int8,
    aborts int8,
    conflicts int8,
    applied int8,
    refused int8,
    handed_over int8
  )
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_counters';
REVOKE ALL ON FUNCTION mtm.shell_counters FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_counters IS
  'counters of distributed transactions since the start of the server (internal)';
