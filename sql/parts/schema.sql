-- Everybody may look; each function says for itself who may call it.
GRANT USAGE ON SCHEMA mtm TO PUBLIC;
