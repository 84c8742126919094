-- plv8: how values cross the border, both ways (plv8's "auto mapping").
\set ON_ERROR_STOP on
BEGIN;
SELECT plan(56);

-- What a value looks like inside: its typeof and its text.
CREATE FUNCTION seen(v anyelement) RETURNS text LANGUAGE plv8 AS $$
  if (v === null) return 'null';
  if (v instanceof Date) return 'Date ' + (isNaN(v) ? 'invalid' : v.toISOString());
  if (v instanceof Uint8Array) return 'Uint8Array ' + Array.from(v).join();
  if (typeof v === 'object') return 'object ' + JSON.stringify(v);
  return typeof v + ' ' + String(v);
$$;

SELECT is(seen(true), 'boolean true', 'bool is a boolean');
SELECT is(seen(12::int2), 'number 12', 'int2 is a number');
SELECT is(seen(-12), 'number -12', 'int4 is a number');
SELECT is(seen(9223372036854775807), 'bigint 9223372036854775807',
          'int8 is a BigInt, exactly');
SELECT is(seen(32::int8), 'bigint 32', 'a small int8 is a BigInt too');
SELECT is(seen('pg_class'::regclass::oid), 'number 1259', 'oid is a number');
SELECT is(seen(4294967295::oid), 'number 4294967295', 'oid is unsigned');
SELECT is(seen(1.5::float4), 'number 1.5', 'float4 is a number');
SELECT is(seen('NaN'::float8), 'number NaN', 'float8 NaN');
SELECT is(seen(1234.5678::numeric), 'number 1234.5678', 'numeric is a number');
SELECT is(seen('häß€🎈'::text), 'string häß€🎈', 'text, all of Unicode');
SELECT is(seen('ab'::varchar), 'string ab', 'varchar is a string');
SELECT is(seen('pg_class'::name), 'string pg_class', 'name is a string');
SELECT is(seen('1 day'::interval), 'string 1 day', 'others by their text');
SELECT is(seen('\x00ff10'::bytea), 'Uint8Array 0,255,16', 'bytea is bytes');
SELECT is(seen('2010-12-23'::date), 'Date 2010-12-23T00:00:00.000Z', 'date, as UTC');
SELECT is(seen('2010-12-23 12:34:56.789+02'::timestamptz),
          'Date 2010-12-23T10:34:56.789Z', 'timestamptz is a Date');
SELECT is(seen('2010-12-23 12:34:56'::timestamp),
          'Date 2010-12-23T12:34:56.000Z', 'timestamp is a Date, as UTC');
SELECT is(seen('infinity'::timestamptz), 'Date invalid', 'infinity is an invalid Date');
SELECT is(seen('{"a":[1,null,"x"]}'::jsonb), 'object {"a":[1,null,"x"]}', 'jsonb is parsed');
SELECT is(seen('{"a": {"b" : 1}}'::json), 'object {"a":{"b":1}}', 'json is parsed');
SELECT is(seen('"s"'::jsonb), 'string s', 'a jsonb scalar is a scalar');
SELECT is(seen('null'::jsonb), 'null', 'jsonb null is null');
SELECT is(seen(ARRAY['a', NULL, 'b']), 'object ["a",null,"b"]', 'arrays, with nulls');
SELECT is(seen(ARRAY[[1, 2], [3, 4]]), 'object [[1,2],[3,4]]', 'arrays of two dimensions');
SELECT is(seen('{}'::int[]), 'object []', 'an empty array');

CREATE TYPE pair AS (i int, t text);
CREATE TYPE nest AS (p pair, ps pair[]);
SELECT is(seen(ROW(1, 'x')::pair), 'object {"i":1,"t":"x"}', 'a composite is an object');
SELECT is(seen(ROW(ROW(1, 'x'), ARRAY[ROW(2, 'y')::pair])::nest),
          'object {"p":{"i":1,"t":"x"},"ps":[{"i":2,"t":"y"}]}', 'composites in composites');

-- And out again: values that JavaScript sees in full come back as they were.
CREATE FUNCTION same(v anyelement) RETURNS anyelement LANGUAGE plv8 AS 'return v';
SELECT is(same(9223372036854775807), 9223372036854775807, 'int8 there and back');
SELECT is(same(9007199254740991::numeric), 9007199254740991::numeric,
          'a numeric of 16 digits there and back');
SELECT is(same('\x00ff10'::bytea), '\x00ff10'::bytea, 'bytea there and back');
SELECT is(same('0044-03-15 BC'::date), '0044-03-15 BC'::date, 'an old date there and back');
SELECT is(same('1969-12-31 23:59:59.999'::timestamp), '1969-12-31 23:59:59.999'::timestamp,
          'timestamp there and back');
SELECT is(same(ARRAY[[1, NULL], [3, 4]]), ARRAY[[1, NULL], [3, 4]], 'a matrix there and back');
SELECT is(same(ROW(ROW(1, NULL), ARRAY[ROW(2, 'y')::pair])::nest),
          ROW(ROW(1, NULL), ARRAY[ROW(2, 'y')::pair])::nest, 'nested composites there and back');
SELECT is(same('{"k": [1, 2.5, "x", null, true]}'::jsonb),
          '{"k": [1, 2.5, "x", null, true]}'::jsonb, 'jsonb there and back');
SELECT is(same(ARRAY['[1]', '{}']::jsonb[]), ARRAY['[1]', '{}']::jsonb[],
  'jsonb[] there and back');

-- Conversions on the way out.
CREATE FUNCTION cut(x numeric) RETURNS int8 LANGUAGE plv8 AS 'return x';
SELECT is(cut(1234.56), 1234::int8, 'a number is cut to a whole one');
CREATE FUNCTION parse(x text) RETURNS int4 LANGUAGE plv8 AS 'return x';
SELECT is(parse('123'), 123, 'a string goes through the input function');
SELECT throws_ok($$SELECT parse('abc')$$, '22P02', NULL, 'which may refuse it');
CREATE FUNCTION too_big() RETURNS int4 LANGUAGE plv8 AS 'return 2147483648';
SELECT throws_ok('SELECT too_big()', '22003', NULL,
  'out of range is an error, not another number');
CREATE FUNCTION nan_int() RETURNS int4 LANGUAGE plv8 AS 'return NaN';
SELECT throws_ok('SELECT nan_int()', '22003', NULL, 'NaN is no integer');
CREATE FUNCTION huge_int8() RETURNS int8 LANGUAGE plv8 AS 'return 2n ** 63n';
SELECT throws_ok('SELECT huge_int8()', '22003', NULL, 'nor is 2^63 an int8');
CREATE FUNCTION texts(x int[]) RETURNS text[] LANGUAGE plv8 AS 'return x';
SELECT is(texts(ARRAY[1, 2]), ARRAY['1', '2'], 'elements are converted one by one');
CREATE FUNCTION no_array() RETURNS int[] LANGUAGE plv8 AS 'return 1';
SELECT throws_ok('SELECT no_array()', '42804', 'value is not an Array', 'no array, no array');
CREATE FUNCTION ragged() RETURNS int[] LANGUAGE plv8 AS 'return [[1, 2], [3]]';
SELECT throws_ok('SELECT ragged()', '2202E', NULL, 'a ragged array is refused');
CREATE FUNCTION js_to_jsonb(code text) RETURNS jsonb LANGUAGE plv8 AS 'return eval(code)';
SELECT is(js_to_jsonb('"x"'), '"x"'::jsonb, 'a string as jsonb is a json string');
SELECT is(js_to_jsonb('({a: undefined, b: NaN, d: new Date(0)})'),
          '{"b": null, "d": "1970-01-01T00:00:00.000Z"}'::jsonb,
            'jsonb is as JSON.stringify has it');
SELECT is(js_to_jsonb('undefined'), NULL::jsonb, 'undefined is NULL');
SELECT throws_like($$SELECT js_to_jsonb('({a: 1n})')$$, '%BigInt%', 'a BigInt has no json');
CREATE FUNCTION buffer(n int) RETURNS bytea LANGUAGE plv8 AS
  'return n % 2 ? new Int16Array(n) : new ArrayBuffer(n)';
SELECT is(length(buffer(20)) + length(buffer(3)), 26, 'bytea from ArrayBuffer and typed arrays');
CREATE FUNCTION nul() RETURNS text LANGUAGE plv8 AS $$return 'a\u0000b'$$;
SELECT throws_ok('SELECT nul()', '22021', NULL, 'a NUL is refused, the text is not cut');

CREATE DOMAIN small AS numeric(4, 1) CHECK (VALUE < 100);
CREATE FUNCTION dom(v float8) RETURNS small LANGUAGE plv8 AS 'return v';
SELECT is(dom(1.26)::text, '1.3', 'a domain has its typmod');
SELECT throws_ok('SELECT dom(100)', '23514', NULL, 'and its check');
CREATE DOMAIN always AS int NOT NULL;
CREATE FUNCTION never() RETURNS always LANGUAGE plv8 AS 'return null';
SELECT throws_ok('SELECT never()', '23502', NULL, 'and its NOT NULL');

CREATE FUNCTION nothing() RETURNS void LANGUAGE plv8 AS '';
SELECT lives_ok('SELECT nothing()', 'void');
SELECT finish();
ROLLBACK;
