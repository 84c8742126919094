CREATE FUNCTION mtm.monitor_step(request jsonb) RETURNS jsonb
  LANGUAGE plv8 STRICT
AS $$
  if (globalThis.multimaster === undefined) plv8.find_function('mtm.bundle')();
  return globalThis.multimaster.monitor_step(request);
$$;
REVOKE ALL ON FUNCTION mtm.monitor_step FROM PUBLIC;
COMMENT ON FUNCTION mtm.monitor_step IS
  'one step of the control plane, called by the monitor (internal)';
