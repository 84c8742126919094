CREATE FUNCTION mtm.shell_pull_rows(relation oid, columns text[], node_id int, cursor_name text)
  RETURNS int8
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_pull_rows';
REVOKE ALL ON FUNCTION mtm.shell_pull_rows FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_pull_rows IS
  'replace the rows of a table here by those of a cursor on another node (internal)';
