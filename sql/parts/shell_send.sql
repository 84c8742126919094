CREATE FUNCTION mtm.shell_send(node_id int, body text)
  RETURNS bool
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_send';
REVOKE ALL ON FUNCTION mtm.shell_send FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_send IS
  'queue a message of the control plane for another node (internal)';
