-- What a query calls by the name of pg_catalog.setval() is one of these (src/backend/replaced_calls.c).
CREATE FUNCTION mtm.setval(regclass, bigint) RETURNS bigint
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_setval';
COMMENT ON FUNCTION mtm.setval(regclass, bigint) IS
  'pg_catalog.setval() on all nodes: each goes on with its own values behind this one (internal)';

CREATE FUNCTION mtm.setval(regclass, bigint, bool) RETURNS bigint
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_setval_called';
COMMENT ON FUNCTION mtm.setval(regclass, bigint, bool) IS
  'pg_catalog.setval() on all nodes: each goes on with its own values from this one on, or behind it (internal)';
