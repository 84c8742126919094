-- A member of the extension, which it could not be as the schema that the control file names:
-- so pg_dump leaves it out, and DROP EXTENSION drops it.
CREATE SCHEMA mtm;
-- Everybody may look; each function says for itself who may call it.
GRANT USAGE ON SCHEMA mtm TO PUBLIC;
