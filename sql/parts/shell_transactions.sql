CREATE FUNCTION mtm.shell_transactions()
  RETURNS TABLE (
    gid text,
    origin int,
    xid xid,
    role text,
    state text,
    since timestamptz,
    pid int,
    yes int8,
    waiting_for int8,
    generation int8
  )
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_transactions';
REVOKE ALL ON FUNCTION mtm.shell_transactions FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_transactions IS
  'the distributed transactions that are under way here (internal)';
