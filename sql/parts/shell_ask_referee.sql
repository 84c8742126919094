CREATE FUNCTION mtm.shell_ask_referee(generation int8) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_ask_referee';
REVOKE ALL ON FUNCTION mtm.shell_ask_referee FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_ask_referee IS
  'start asking the referee about a generation, without waiting (internal)';
