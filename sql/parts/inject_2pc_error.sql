CREATE FUNCTION mtm.inject_2pc_error(stage text, action text DEFAULT 'fail') RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'mtm_inject_2pc_error';
REVOKE ALL ON FUNCTION mtm.inject_2pc_error FROM PUBLIC;
COMMENT ON FUNCTION mtm.inject_2pc_error IS
  'for tests: the next process of this node at a point of the commit path fails or crashes there, or all wait there; '
  'stage: registered, prepared, decided, committed (coordinator), applied, voting, outcome, ended (participant), '
  'empty to end it; action: fail, wait, crash';
