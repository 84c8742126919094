-- Asked by the node that this one is a copy of: their C code checks that the role may replicate.
CREATE FUNCTION mtm.copy_arrived() RETURNS jsonb
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_copy_arrived';
COMMENT ON FUNCTION mtm.copy_arrived IS
  'how far this node goes as a copy, and whether it waits to be told whose (internal)';

CREATE FUNCTION mtm.begin_copy(source int, replayed_to pg_lsn) RETURNS bool
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_begin_copy';
COMMENT ON FUNCTION mtm.begin_copy IS
  'this node is a copy of that one, and recovers from it (internal)';

CREATE FUNCTION mtm.shell_wal_before(lsn pg_lsn, timeline int) RETURNS text
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_wal_before';
REVOKE ALL ON FUNCTION mtm.shell_wal_before FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_wal_before IS
  'digest of the last WAL before the position; null: it is not written yet (internal)';

CREATE FUNCTION mtm.join_node(node_id int, backup_end_lsn pg_lsn) RETURNS void
  LANGUAGE sql STRICT SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('join_node', jsonb_build_object('id', node_id, 'backup_end', backup_end_lsn));
$$;
REVOKE ALL ON FUNCTION mtm.join_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.join_node IS
  'let a new node join that mtm.add_node() put into the list: its server runs, as a base backup '
  'of this node that was made since, with multimaster.node_id set to its number. It catches '
  'up from here and becomes a member; mtm.poll_node() waits for that. backup_end_lsn: where '
  'the backup ended at the earliest, as pg_basebackup -v or pg_backup_stop() says. Does nothing '
  'when the node was told already. Errors: 22023 no such new node; 08001 it cannot be asked; 55000 the '
  'backup does not do, or this node is not online. For superusers, unless granted';
