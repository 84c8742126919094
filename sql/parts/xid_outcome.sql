-- How a transaction of this node ended: committed, aborted, in progress; or unknown,
-- when the commit log does not reach back to it, or the id lies in the future (the
-- server was put back to an earlier state).
CREATE FUNCTION mtm.xid_outcome(xid text) RETURNS text
  LANGUAGE plpgsql STRICT
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN coalesce(pg_xact_status(xid::xid8), 'unknown');
EXCEPTION
  WHEN invalid_parameter_value THEN
    RETURN 'unknown';
END
$$;
REVOKE ALL ON FUNCTION mtm.xid_outcome FROM PUBLIC;
COMMENT ON FUNCTION mtm.xid_outcome IS
  'how a transaction of this node ended (internal)';
