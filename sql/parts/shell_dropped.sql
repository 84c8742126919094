CREATE FUNCTION mtm.shell_set_dropped(nodes int8) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_set_dropped';
REVOKE ALL ON FUNCTION mtm.shell_set_dropped FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_set_dropped IS
  'from now on nothing is read from these nodes or sent to them; a bit mask (internal)';

CREATE FUNCTION mtm.shell_is_dropped() RETURNS bool
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_is_dropped';
REVOKE ALL ON FUNCTION mtm.shell_is_dropped FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_is_dropped IS
  'was this node dropped, as far as it knows, or was told by a peer? (internal)';

CREATE FUNCTION mtm.shell_dropped_why() RETURNS text
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_dropped_why';
REVOKE ALL ON FUNCTION mtm.shell_dropped_why FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_dropped_why IS
  'why this node was dropped, as a peer said; null: it did not (internal)';

CREATE FUNCTION mtm.shell_forget_node(node_id int) RETURNS bool
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_forget_node';
REVOKE ALL ON FUNCTION mtm.shell_forget_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_forget_node IS
  'forget transactions of a dropped node; false while a process still works for it (internal)';
