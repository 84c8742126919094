CREATE FUNCTION mtm.node_bgwpool_stat()
  RETURNS TABLE (
    n_workers int,
    active int,
    pending int,
    size int8,
    used int8,
    spilled int8,
    max_workers int
  )
  LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM mtm.shell_pool();
$$;
COMMENT ON FUNCTION mtm.node_bgwpool_stat IS
  'the pool of apply workers of this node';

CREATE VIEW mtm.stat_bgwpool AS SELECT * FROM mtm.node_bgwpool_stat();
COMMENT ON VIEW mtm.stat_bgwpool IS
  'the pool of apply workers: sizes in bytes, spilled is a number of transactions';
GRANT SELECT ON mtm.stat_bgwpool TO PUBLIC;
