CREATE FUNCTION mtm.shell_add_node(node_id int, conninfo text) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_add_node';
REVOKE ALL ON FUNCTION mtm.shell_add_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_add_node IS
  'from now on this server knows the node; one that it knows already stays as it is (internal)';

CREATE FUNCTION mtm.shell_make_slot(node_id int) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_make_slot';
REVOKE ALL ON FUNCTION mtm.shell_make_slot FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_make_slot IS
  'the slot from which the node will read this one, if there is none yet; 55P03 it would have to '
  'wait (internal)';

CREATE FUNCTION mtm.shell_copy_done() RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_copy_done';
REVOKE ALL ON FUNCTION mtm.shell_copy_done FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_copy_done IS
  'this new node was online: forget what it was a copy of (internal)';

CREATE FUNCTION mtm.shell_check_new_node(node_id int, conninfo text, nodes int) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_check_new_node';
REVOKE ALL ON FUNCTION mtm.shell_check_new_node FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_check_new_node IS
  'ERROR when such a node cannot be added; nodes: how many there are then (internal)';
