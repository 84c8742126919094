CREATE FUNCTION mtm.shell_pool()
  RETURNS TABLE (
    workers int,
    active int,
    pending int,
    size int8,
    used int8,
    spilled int8,
    max_workers int
  )
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_pool';
REVOKE ALL ON FUNCTION mtm.shell_pool FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_pool IS
  'the pool of apply workers (internal)';
