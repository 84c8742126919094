-- Tables and sequences that were there before the extension, on every node.
CREATE FUNCTION mtm.prepare_existing_tables() RETURNS void
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_prepare_existing_tables';
REVOKE ALL ON FUNCTION mtm.prepare_existing_tables FROM PUBLIC;
COMMENT ON FUNCTION mtm.prepare_existing_tables IS
  'give the tables and sequences that exist already what multimaster needs (internal)';
SELECT mtm.prepare_existing_tables();
