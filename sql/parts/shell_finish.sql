CREATE FUNCTION mtm.shell_finish(gid text, commit bool)
  RETURNS text
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_finish';
REVOKE ALL ON FUNCTION mtm.shell_finish FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_finish IS
  'end a prepared transaction here as a ballot decided (internal)';
