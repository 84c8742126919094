CREATE FUNCTION mtm.shell_load_state()
  RETURNS text
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_load_state';
REVOKE ALL ON FUNCTION mtm.shell_load_state FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_load_state IS
  'the saved state of the control plane, null if there is none (internal)';
