-- Asked by other nodes: its C code checks that the role may replicate.
CREATE FUNCTION mtm.wal_position() RETURNS pg_lsn
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_wal_position';
COMMENT ON FUNCTION mtm.wal_position IS
  'the end of this node''s WAL (internal)';
