-- What runs outside of transactions, on one node after the other, while it does. Other
-- nodes run nothing but what is in here: only a node's own code writes it, after it has
-- checked the client's rights. A row that stays is of a node or session that was lost.
CREATE TABLE mtm.unfinished_statements (
  target text PRIMARY KEY, -- one statement at a time for each
  id text NOT NULL,
  node_id int NOT NULL,
  since timestamptz NOT NULL,
  statement text NOT NULL,
  content bytea NOT NULL -- src/wire/schema_change.h
);
COMMENT ON TABLE mtm.unfinished_statements IS
  'statements that run outside of transactions on one node after the other, and have not ended on all of them: '
  'which node began it, when, and what it makes so; one whose session is gone is ended by the same statement again';
REVOKE ALL ON mtm.unfinished_statements FROM PUBLIC;
GRANT SELECT (target, node_id, since, statement) ON mtm.unfinished_statements TO PUBLIC;

-- Its C code checks that the role may replicate.
CREATE PROCEDURE mtm.run_unfinished(target text, id text)
  LANGUAGE C AS 'MODULE_PATHNAME', 'mtm_run_unfinished';
COMMENT ON PROCEDURE mtm.run_unfinished IS
  'run here what another node put into mtm.unfinished_statements, with the rights of its role (internal)';
