-- Tables that are not replicated. The list itself is; the output plugin reads it.
CREATE TABLE mtm.local_tables (
  rel_schema name NOT NULL,
  rel_name name NOT NULL,
  PRIMARY KEY (rel_schema, rel_name)
) WITH (user_catalog_table = true);
COMMENT ON TABLE mtm.local_tables IS
  'tables whose changes are not replicated; see mtm.make_table_local()';
GRANT SELECT ON mtm.local_tables TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mtm.local_tables', '');

CREATE FUNCTION mtm.local_tables_changed() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_local_tables_changed';
REVOKE ALL ON FUNCTION mtm.local_tables_changed FROM PUBLIC;
COMMENT ON FUNCTION mtm.local_tables_changed IS
  'forget what is remembered of a table that became local (internal)';

-- Also where another node's change of the list is applied.
CREATE TRIGGER local_tables_changed
  AFTER INSERT OR UPDATE OR DELETE ON mtm.local_tables
  FOR EACH ROW EXECUTE FUNCTION mtm.local_tables_changed();
ALTER TABLE mtm.local_tables ENABLE ALWAYS TRIGGER local_tables_changed;
