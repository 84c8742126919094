-- Asked by other nodes: its C code checks that the role may replicate.
CREATE FUNCTION mtm.mark_of(generation int8) RETURNS pg_lsn
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_mark_of';
COMMENT ON FUNCTION mtm.mark_of IS
  'where this node''s mark of a generation ends in its WAL; null when its newest mark is of another (internal)';
