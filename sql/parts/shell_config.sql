CREATE FUNCTION mtm.shell_config()
  RETURNS jsonb
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_config';
REVOKE ALL ON FUNCTION mtm.shell_config FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_config IS
  'the settings that the control plane works by (internal)';
