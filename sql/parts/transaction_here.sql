-- Peers ask each other with it, in sessions with ordinary rights.
CREATE FUNCTION mtm.transaction_here(gid text) RETURNS jsonb
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT mtm.api('transaction_here', jsonb_build_object('gid', $1)) -> 0;
$$;
COMMENT ON FUNCTION mtm.transaction_here IS
  'what this node alone knows of a distributed transaction';
