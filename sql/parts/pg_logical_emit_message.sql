-- What a query calls by the name of pg_catalog.pg_logical_emit_message() is one of these
-- (src/backend/replaced_calls.c).
CREATE FUNCTION mtm.pg_logical_emit_message(boolean, text, text) RETURNS pg_lsn
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_logical_emit_message_text';
COMMENT ON FUNCTION mtm.pg_logical_emit_message(boolean, text, text) IS
  'pg_catalog.pg_logical_emit_message(), but for prefixes that start with "mtm:": ERROR 42939 (internal)';

CREATE FUNCTION mtm.pg_logical_emit_message(boolean, text, bytea) RETURNS pg_lsn
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_logical_emit_message_bytea';
COMMENT ON FUNCTION mtm.pg_logical_emit_message(boolean, text, bytea) IS
  'pg_catalog.pg_logical_emit_message(), but for prefixes that start with "mtm:": ERROR 42939 (internal)';
