CREATE FUNCTION mtm.get_trans_by_xid(xid bigint) RETURNS SETOF mtm.trans_state
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_populate_recordset(
    NULL::mtm.trans_state,
    mtm.api('get_trans_by_xid', jsonb_build_object('xid', coalesce($1, 0)::text)));
$$;
COMMENT ON FUNCTION mtm.get_trans_by_xid IS
  'what is known of the distributed transaction with this id on this node';
