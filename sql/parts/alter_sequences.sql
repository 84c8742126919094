CREATE FUNCTION mtm.alter_sequences() RETURNS bool
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (mtm.api('alter_sequences', '{}') ->> 0)::bool;
$$;
REVOKE ALL ON FUNCTION mtm.alter_sequences FROM PUBLIC;
COMMENT ON FUNCTION mtm.alter_sequences IS
  'on every online node all sequences give values of that node only, and go on behind all that any of '
  'them has given; true: one stood at another node''s value. Not undone by ROLLBACK. '
  'Errors: 55000 this node is not online; 55P03 somebody alters a sequence. For superusers';
