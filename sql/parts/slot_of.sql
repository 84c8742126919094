-- Asked by other nodes: its C code checks that the role may replicate.
CREATE FUNCTION mtm.slot_of(node_id int) RETURNS pg_lsn
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_slot_of';
COMMENT ON FUNCTION mtm.slot_of IS
  'confirmed position of the slot that this node keeps for another; null: it keeps none (internal)';
