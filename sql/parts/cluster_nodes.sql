-- What differs from the nodes in multimaster.conn_strings. Replicated, so that a change of
-- it commits on all members or on none; the control plane follows it.
CREATE TABLE mtm.cluster_nodes (
  id int PRIMARY KEY,
  dropped bool NOT NULL,
  conninfo text, -- null: multimaster.conn_strings has it
  reason text -- why it was dropped, where nobody asked for it
);
COMMENT ON TABLE mtm.cluster_nodes IS
  'nodes that were added to the cluster or dropped from it, and why, if not by mtm.drop_node(); '
  'changed by functions of multimaster only';
REVOKE ALL ON mtm.cluster_nodes FROM PUBLIC;
-- A connection string may hold a password.
GRANT SELECT (id, dropped, reason) ON mtm.cluster_nodes TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mtm.cluster_nodes', '');
