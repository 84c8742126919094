CREATE FUNCTION mtm.shell_end_wait(pid int, waits_since timestamptz, detail text) RETURNS bool
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_end_wait';
REVOKE ALL ON FUNCTION mtm.shell_end_wait FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_end_wait IS
  'a process that has waited for a lock since that moment fails with 40P01; false: it does not wait so any more (internal)';
