-- The language plv8, for servers that have none. See plv8/README.md.
\echo Use "CREATE EXTENSION plv8" to load this file. \quit

CREATE FUNCTION plv8_call_handler() RETURNS language_handler
    LANGUAGE c AS 'MODULE_PATHNAME';
CREATE FUNCTION plv8_inline_handler(internal) RETURNS void
    LANGUAGE c STRICT AS 'MODULE_PATHNAME';
CREATE FUNCTION plv8_call_validator(oid) RETURNS void
    LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE TRUSTED LANGUAGE plv8
    HANDLER plv8_call_handler
    INLINE plv8_inline_handler
    VALIDATOR plv8_call_validator;

CREATE FUNCTION plv8_version() RETURNS text
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON LANGUAGE plv8 IS 'JavaScript on V8';
