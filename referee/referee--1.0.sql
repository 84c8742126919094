-- The referee of a cluster of two nodes, on a third server: one durable register, the
-- newest generation it was asked about and the node that asked first (docs/majority.md,
-- 4.8). Needs nothing of multimaster. One database for each cluster.
\echo Use "CREATE EXTENSION referee" to load this file. \quit

CREATE TABLE referee.decision (
  key text PRIMARY KEY DEFAULT 'winner' CHECK (key = 'winner'),
  node_id int NOT NULL CHECK (node_id > 0),
  gen_num bigint NOT NULL CHECK (gen_num > 0),
  decided timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE referee.decision IS
  'at most one row: the newest generation that the referee was asked about, and the node that may go on from it alone';
COMMENT ON COLUMN referee.decision.key IS 'always "winner"';
COMMENT ON COLUMN referee.decision.node_id IS 'the node that asked first: it may go on';
COMMENT ON COLUMN referee.decision.gen_num IS 'the generation of both nodes that was asked about';
COMMENT ON COLUMN referee.decision.decided IS 'when it was asked first';
REVOKE ALL ON referee.decision FROM PUBLIC;
GRANT SELECT ON referee.decision TO pg_monitor;
SELECT pg_catalog.pg_extension_config_dump('referee.decision', '');

-- ON CONFLICT decides between two that ask at once. Whoever asks again about the same
-- generation, or an older one, writes nothing. Generation 0 is older than any.
CREATE FUNCTION referee.request_grant(applicant_id int, gen_num bigint)
  RETURNS referee.decision
  LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO referee.decision AS held (node_id, gen_num)
  SELECT $1, $2
  WHERE $2 > coalesce((SELECT d.gen_num FROM referee.decision d), 0)
  ON CONFLICT (key) DO UPDATE
    SET node_id = excluded.node_id, gen_num = excluded.gen_num, decided = excluded.decided
    WHERE held.gen_num < excluded.gen_num;
  SELECT d FROM referee.decision d;
$$;
REVOKE ALL ON FUNCTION referee.request_grant FROM PUBLIC;
COMMENT ON FUNCTION referee.request_grant IS
  'asked by a node that lost the other one: may it go on from this generation alone? Answers with the decision that is held '
  'from now on, whoever it is for; the first to ask about a newer generation gets it. Grant EXECUTE to the nodes'' role only';

CREATE FUNCTION referee.clean() RETURNS bool
  LANGUAGE sql VOLATILE
  SET search_path = pg_catalog, pg_temp
AS $$
  WITH gone AS (DELETE FROM referee.decision RETURNING key)
  SELECT EXISTS (SELECT FROM gone);
$$;
REVOKE ALL ON FUNCTION referee.clean FROM PUBLIC;
COMMENT ON FUNCTION referee.clean IS
  'forget the decision; false: there was none. Never needed while a cluster lives. Safe when the cluster is gone for good, or '
  'while both nodes are online in a generation newer than the decision; else both might go on, each alone';

-- Without rights on what is in it this shows nothing.
GRANT USAGE ON SCHEMA referee TO PUBLIC;
