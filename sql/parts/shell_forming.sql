CREATE FUNCTION mtm.shell_form_conninfo(conninfo text, more text) RETURNS text
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_form_conninfo';
REVOKE ALL ON FUNCTION mtm.shell_form_conninfo FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_conninfo IS
  'the connection string with what more says in its place; 22023 it is wrong (internal)';

CREATE FUNCTION mtm.shell_form_open(server int, conninfo text) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_form_open';
REVOKE ALL ON FUNCTION mtm.shell_form_open FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_open IS
  'a session on a server that is to become a node, until the end of the transaction (internal)';

CREATE FUNCTION mtm.shell_form_run(server int, sql text) RETURNS jsonb
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_form_run';
REVOKE ALL ON FUNCTION mtm.shell_form_run FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_run IS
  'run a statement in that session: its rows, or its error (internal)';

CREATE FUNCTION mtm.shell_form_reach(conninfo text, query text) RETURNS jsonb
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_form_reach';
REVOKE ALL ON FUNCTION mtm.shell_form_reach FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_reach IS
  'ask a server as another node would; 08001 it cannot be reached, or not for replication (internal)';

CREATE FUNCTION mtm.shell_form_room(nodes int) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_form_room';
REVOKE ALL ON FUNCTION mtm.shell_form_room FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_room IS
  'ERROR when settings of this server are too small for so many nodes (internal)';

CREATE FUNCTION mtm.shell_form_hold(state text) RETURNS void
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_shell_form_hold';
REVOKE ALL ON FUNCTION mtm.shell_form_hold FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_hold IS
  'refuse writes in this database until the server starts as a node; null: no more (internal)';

CREATE FUNCTION mtm.shell_form_copy(source text, target text, before text, after text) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_form_copy';
REVOKE ALL ON FUNCTION mtm.shell_form_copy FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_copy IS
  'copy a database into another one between two pieces of SQL, by pg_dump and psql (internal)';

CREATE FUNCTION mtm.shell_form_digest(conninfo text) RETURNS text
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_form_digest';
REVOKE ALL ON FUNCTION mtm.shell_form_digest FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_digest IS
  'digest of what pg_dump says of a database (internal)';

CREATE FUNCTION mtm.shell_form_prepare(node_id int, conn_strings text) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_shell_form_prepare';
REVOKE ALL ON FUNCTION mtm.shell_form_prepare FROM PUBLIC;
COMMENT ON FUNCTION mtm.shell_form_prepare IS
  'give the tables and sequences of this database what they need on that node (internal)';
