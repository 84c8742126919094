CREATE TYPE mtm.trans_state AS (
  status text,
  gid text,
  xid int8,
  coordinator int,
  generation int8,
  incarnation int8,
  twophase bool,
  local bool,
  prepared bool,
  active bool,
  pid int,
  since timestamptz,
  participants int[],
  voted int[],
  undecided text,
  nodes jsonb
);
COMMENT ON TYPE mtm.trans_state IS
  'a distributed transaction; nodes says what each node has of it';

CREATE FUNCTION mtm.get_trans_by_gid(gid text) RETURNS SETOF mtm.trans_state
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.trans_state,
    mtm.api('get_trans_by_gid', jsonb_build_object('gid', coalesce($1, ''))));
$$;
COMMENT ON FUNCTION mtm.get_trans_by_gid IS
  'what is known of a distributed transaction, here and on the other nodes';
