CREATE FUNCTION mtm.shell_waits()
  RETURNS TABLE (
    waiter_pid int,
    waiter_leader int,
    waiter_gid text,
    waits_since timestamptz,
    holder_pid int,
    holder_gid text,
    holds bool,
    locktype text,
    relation int8,
    mode text
  )
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_waits';
REVOKE ALL ON FUNCTION mtm.shell_waits FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_waits IS
  'who waits for whose lock on this node (internal)';
