CREATE FUNCTION mtm.shell_start_drop(node_id int) RETURNS bool
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_start_drop';
REVOKE ALL ON FUNCTION mtm.shell_start_drop FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_start_drop IS
  'start a process that calls mtm.drop_absent_node(); false: none is free (internal)';
