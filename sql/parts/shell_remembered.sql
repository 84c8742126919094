CREATE FUNCTION mtm.shell_remembered(gids text[], nodes int8)
  RETURNS TABLE (gid text)
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_remembered';
REVOKE ALL ON FUNCTION mtm.shell_remembered FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_remembered IS
  'those of the transactions that this node''s WAL has as committed, as far back as one of the nodes may need it (internal)';
