CREATE FUNCTION mtm.deadlock_step() RETURNS int
  LANGUAGE plv8
AS $$
  if (globalThis.multimaster === undefined) plv8.find_function('mtm.bundle')();
  return globalThis.multimaster.deadlock_step();
$$;
REVOKE ALL ON FUNCTION mtm.deadlock_step FROM PUBLIC;
COMMENT ON FUNCTION mtm.deadlock_step IS
  'one look of the deadlock detector at all nodes; after how many milliseconds the next one is due (internal)';
