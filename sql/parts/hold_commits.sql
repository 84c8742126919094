-- Asked by other nodes: the C code of each checks that the role may replicate.
CREATE FUNCTION mtm.hold_commits(timeout_ms int) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_hold_commits';
COMMENT ON FUNCTION mtm.hold_commits IS
  'let commits of this node wait, until mtm.release_commits(), the end of this session or the timeout (internal)';

CREATE FUNCTION mtm.release_commits() RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_release_commits';
COMMENT ON FUNCTION mtm.release_commits IS
  'end what mtm.hold_commits() began (internal)';

CREATE FUNCTION mtm.commits_under_way() RETURNS jsonb
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_commits_under_way';
COMMENT ON FUNCTION mtm.commits_under_way IS
  'what this node commits now, and whether this session holds it (internal)';
