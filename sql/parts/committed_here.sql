-- Asked by other nodes: its C code checks that the role may replicate.
CREATE FUNCTION mtm.committed_here(node_id int, newer_than int8, gids text[])
  RETURNS TABLE (gid text)
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_committed_here';
COMMENT ON FUNCTION mtm.committed_here IS
  'those of the transactions that were committed here since node_id confirmed its slot; an error unless this node is online in a generation newer than newer_than (internal)';
