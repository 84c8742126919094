CREATE FUNCTION mtm.shell_mark(generation int8) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_mark';
REVOKE ALL ON FUNCTION mtm.shell_mark FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_mark IS
  'write this node''s mark of a generation into its WAL (internal)';
