CREATE FUNCTION mtm.in_doubt_here()
  RETURNS TABLE (
    gid text,
    since timestamptz,
    coordinator int,
    generation int8,
    state text,
    prepared_here bool,
    voted_yes int[],
    not_voted int[],
    waits_for text
  )
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM jsonb_to_recordset(mtm.api('in_doubt', '{}')) AS t(
    gid text, since timestamptz, coordinator int, generation int8, state text,
    prepared_here bool, voted_yes int[], not_voted int[], waits_for text);
$$;
COMMENT ON FUNCTION mtm.in_doubt_here IS
  'distributed transactions that are open here for longer than a second';

CREATE VIEW mtm.in_doubt AS SELECT * FROM mtm.in_doubt_here();
COMMENT ON VIEW mtm.in_doubt IS
  'distributed transactions that are open here for longer than a second';
GRANT SELECT ON mtm.in_doubt TO PUBLIC;
