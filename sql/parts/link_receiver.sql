-- The other end of a link. Whoever may replicate from this server may call it, which
-- its C code checks: the role is not known here.
CREATE FUNCTION mtm.link_receiver(node_id int, cluster_name text, incarnation int8)
  RETURNS void
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_link_receiver';
COMMENT ON FUNCTION mtm.link_receiver IS
  'turn this session into the receiver of a link between nodes (internal)';
