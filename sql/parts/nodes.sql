CREATE TYPE mtm.node AS (
  id int,
  conninfo text,
  is_self bool,
  enabled bool,
  connected bool,
  sender_pid int,
  receiver_pid int,
  n_workers int,
  receiver_mode text
);
COMMENT ON TYPE mtm.node IS 'a node and the processes that serve it';

CREATE FUNCTION mtm.nodes() RETURNS SETOF mtm.node
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.node, mtm.api('nodes', '{"id": null}'));
$$;
COMMENT ON FUNCTION mtm.nodes IS
  'every node, and the processes of this server that serve it';
