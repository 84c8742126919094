-- What a query calls by the name of one of PostgreSQL's functions for advisory locks is one of these
-- (src/backend/replaced_calls.c).
CREATE FUNCTION mtm.pg_advisory_lock(bigint) RETURNS void
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_lock';
COMMENT ON FUNCTION mtm.pg_advisory_lock(bigint) IS
  'pg_catalog.pg_advisory_lock(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_lock(int, int) RETURNS void
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_lock';
COMMENT ON FUNCTION mtm.pg_advisory_lock(int, int) IS
  'pg_catalog.pg_advisory_lock(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_lock_shared(bigint) RETURNS void
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_lock_shared';
COMMENT ON FUNCTION mtm.pg_advisory_lock_shared(bigint) IS
  'pg_catalog.pg_advisory_lock_shared(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_lock_shared(int, int) RETURNS void
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_lock_shared';
COMMENT ON FUNCTION mtm.pg_advisory_lock_shared(int, int) IS
  'pg_catalog.pg_advisory_lock_shared(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_xact_lock(bigint) RETURNS void
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_xact_lock';
COMMENT ON FUNCTION mtm.pg_advisory_xact_lock(bigint) IS
  'pg_catalog.pg_advisory_xact_lock(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_xact_lock(int, int) RETURNS void
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_xact_lock';
COMMENT ON FUNCTION mtm.pg_advisory_xact_lock(int, int) IS
  'pg_catalog.pg_advisory_xact_lock(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_xact_lock_shared(bigint) RETURNS void
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_xact_lock_shared';
COMMENT ON FUNCTION mtm.pg_advisory_xact_lock_shared(bigint) IS
  'pg_catalog.pg_advisory_xact_lock_shared(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_xact_lock_shared(int, int) RETURNS void
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_xact_lock_shared';
COMMENT ON FUNCTION mtm.pg_advisory_xact_lock_shared(int, int) IS
  'pg_catalog.pg_advisory_xact_lock_shared(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_try_advisory_lock(bigint) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_try_advisory_lock';
COMMENT ON FUNCTION mtm.pg_try_advisory_lock(bigint) IS
  'pg_catalog.pg_try_advisory_lock(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_try_advisory_lock(int, int) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_try_advisory_lock';
COMMENT ON FUNCTION mtm.pg_try_advisory_lock(int, int) IS
  'pg_catalog.pg_try_advisory_lock(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_try_advisory_lock_shared(bigint) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_try_advisory_lock_shared';
COMMENT ON FUNCTION mtm.pg_try_advisory_lock_shared(bigint) IS
  'pg_catalog.pg_try_advisory_lock_shared(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_try_advisory_lock_shared(int, int) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_try_advisory_lock_shared';
COMMENT ON FUNCTION mtm.pg_try_advisory_lock_shared(int, int) IS
  'pg_catalog.pg_try_advisory_lock_shared(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_try_advisory_xact_lock(bigint) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_try_advisory_xact_lock';
COMMENT ON FUNCTION mtm.pg_try_advisory_xact_lock(bigint) IS
  'pg_catalog.pg_try_advisory_xact_lock(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_try_advisory_xact_lock(int, int) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_try_advisory_xact_lock';
COMMENT ON FUNCTION mtm.pg_try_advisory_xact_lock(int, int) IS
  'pg_catalog.pg_try_advisory_xact_lock(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_try_advisory_xact_lock_shared(bigint) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_try_advisory_xact_lock_shared';
COMMENT ON FUNCTION mtm.pg_try_advisory_xact_lock_shared(bigint) IS
  'pg_catalog.pg_try_advisory_xact_lock_shared(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_try_advisory_xact_lock_shared(int, int) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_try_advisory_xact_lock_shared';
COMMENT ON FUNCTION mtm.pg_try_advisory_xact_lock_shared(int, int) IS
  'pg_catalog.pg_try_advisory_xact_lock_shared(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_unlock(bigint) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_unlock';
COMMENT ON FUNCTION mtm.pg_advisory_unlock(bigint) IS
  'pg_catalog.pg_advisory_unlock(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_unlock(int, int) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_unlock';
COMMENT ON FUNCTION mtm.pg_advisory_unlock(int, int) IS
  'pg_catalog.pg_advisory_unlock(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_unlock_shared(bigint) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_unlock_shared';
COMMENT ON FUNCTION mtm.pg_advisory_unlock_shared(bigint) IS
  'pg_catalog.pg_advisory_unlock_shared(bigint), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_unlock_shared(int, int) RETURNS bool
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_unlock_shared';
COMMENT ON FUNCTION mtm.pg_advisory_unlock_shared(int, int) IS
  'pg_catalog.pg_advisory_unlock_shared(int, int), over all nodes with multimaster.cluster_advisory_locks (internal)';
CREATE FUNCTION mtm.pg_advisory_unlock_all() RETURNS void
  LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mtm_advisory_unlock_all';
COMMENT ON FUNCTION mtm.pg_advisory_unlock_all() IS
  'pg_catalog.pg_advisory_unlock_all(), over all nodes with multimaster.cluster_advisory_locks (internal)';

-- What another node's session asks of the session by which it holds its locks here. Their C code checks
-- that the role may replicate.
CREATE FUNCTION mtm.take_advisory_lock(node_id int, generation bigint, key1 int, key2 int, kind int,
                                       shared bool, wait bool) RETURNS text
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_take_advisory_lock';
COMMENT ON FUNCTION mtm.take_advisory_lock IS
  'hold an advisory lock here for a session of that node, or find that it is held: got; busy: another session has '
  'it, and wait is false; changed: this node is not online in that generation. The keys are as in pg_locks: '
  'classid, objid, objsubid (internal)';

CREATE FUNCTION mtm.release_advisory_locks(int[]) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_release_advisory_locks';
COMMENT ON FUNCTION mtm.release_advisory_locks IS
  'give back what mtm.take_advisory_lock() got, if it is held: key1, key2, kind, 1 if shared else 0, for each '
  '(internal)';
