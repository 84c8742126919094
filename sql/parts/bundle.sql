-- The control plane, bundled from ts-src/. Running it installs the code on globalThis,
-- once a session; the plv8 functions after it reach it there.
CREATE FUNCTION mtm.bundle() RETURNS void LANGUAGE plv8 AS @BUNDLE@;
REVOKE ALL ON FUNCTION mtm.bundle() FROM PUBLIC;
COMMENT ON FUNCTION mtm.bundle() IS
  'the code of the control plane (internal)';
