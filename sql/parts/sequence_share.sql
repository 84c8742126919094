-- This node's own; not replicated. It says what the increments of its sequences are now.
CREATE TABLE mtm.sequence_share (
  node_id int NOT NULL,
  remainder int NOT NULL,
  modulus int NOT NULL
);
COMMENT ON TABLE mtm.sequence_share IS
  'one row: which values of every sequence this node gives, those of start + k * increment with '
  'k mod modulus = remainder. The increment that the sequence shows is multiplied by modulus';
REVOKE ALL ON mtm.sequence_share FROM PUBLIC;
GRANT SELECT ON mtm.sequence_share TO PUBLIC;

CREATE FUNCTION mtm.split_sequences() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_split_sequences';
REVOKE ALL ON FUNCTION mtm.split_sequences FROM PUBLIC;
COMMENT ON FUNCTION mtm.split_sequences IS
  'this node gives half as many values of each sequence, if the added node gets the others (internal)';

-- Also where the row is applied.
CREATE TRIGGER split_sequences AFTER INSERT ON mtm.cluster_nodes
  FOR EACH ROW EXECUTE FUNCTION mtm.split_sequences();
ALTER TABLE mtm.cluster_nodes ENABLE ALWAYS TRIGGER split_sequences;
