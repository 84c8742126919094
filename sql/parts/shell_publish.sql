CREATE FUNCTION mtm.shell_publish(
    generation int8, members int8, configured int8, incarnation int8,
    donor int, major int, online_in int8, status text, report text)
  RETURNS void
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_publish';
REVOKE ALL ON FUNCTION mtm.shell_publish FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_publish IS
  'set the view of the cluster that this node acts by (internal)';
