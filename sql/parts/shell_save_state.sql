CREATE FUNCTION mtm.shell_save_state(state text)
  RETURNS void
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_save_state';
REVOKE ALL ON FUNCTION mtm.shell_save_state FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_save_state IS
  'save the state of the control plane durably (internal)';
