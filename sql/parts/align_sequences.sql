-- The role of the links calls it, which its C code checks.
CREATE FUNCTION mtm.align_sequences(tell bool) RETURNS bool
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_align_sequences';
COMMENT ON FUNCTION mtm.align_sequences IS
  'this node''s sequences give its own values only; tell: the others go on behind where they stand. True: '
  'one had to be changed (internal)';
