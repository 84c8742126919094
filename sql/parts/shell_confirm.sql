CREATE FUNCTION mtm.shell_confirm(node_id int, "position" text) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_confirm';
REVOKE ALL ON FUNCTION mtm.shell_confirm FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_confirm IS
  'let the slot that this node reads on a peer be confirmed up to a position (internal)';
