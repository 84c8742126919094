CREATE FUNCTION mtm.shell_measure() RETURNS jsonb
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_measure';
REVOKE ALL ON FUNCTION mtm.shell_measure FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_measure IS
  'positions of this node''s WAL and of the streams it reads (internal)';
