CREATE FUNCTION mtm.shell_lock_table(relation oid, mode text) RETURNS bool
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_lock_table';
REVOKE ALL ON FUNCTION mtm.shell_lock_table FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_lock_table IS
  'lock a table until this session ends; false: it is gone (internal)';
