-- What differs from the nodes in multimaster.conn_strings. Replicated, so that a change of
-- it commits on all members or on none; the control plane follows it.
CREATE TABLE mtm.cluster_nodes (
  id int PRIMARY KEY,
  dropped bool NOT NULL,
  stopped bool NOT NULL DEFAULT false,
  conninfo text, -- null: multimaster.conn_strings has it
  reason text, -- why it was dropped, where nobody asked for it
  -- Which values of sequences an added node gives: those with k mod modulus = remainder.
  share_remainder int,
  share_modulus int,
  share_split_from int -- whose share was split for it; null: nobody had this one
);
COMMENT ON TABLE mtm.cluster_nodes IS
  'nodes that were added to the cluster, stopped or dropped, and why, if not by mtm.drop_node(); '
  'share_...: which values of sequences an added one gives, see mtm.sequence_share, and whose '
  'were split for it; changed by functions of multimaster only';
REVOKE ALL ON mtm.cluster_nodes FROM PUBLIC;
-- A connection string may hold a password.
GRANT SELECT (id, dropped, stopped, reason, share_remainder, share_modulus, share_split_from)
  ON mtm.cluster_nodes TO PUBLIC;
-- Not for pg_dump: another cluster has nodes of its own.
