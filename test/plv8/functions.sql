-- plv8: how functions are called: arguments, null, sets, records, procedures.
\set ON_ERROR_STOP on
BEGIN;
SELECT plan(34);

CREATE FUNCTION named(keys text[], vals text[]) RETURNS json LANGUAGE plv8 IMMUTABLE STRICT AS $$
  const o = {};
  for (let i = 0; i < keys.length; i++) o[keys[i]] = vals[i];
  return o;
$$;
SELECT is(named('{name,age}', '{Tom,29}')::text, '{"name":"Tom","age":"29"}',
  'arguments by name');
CREATE FUNCTION unnamed(text, text) RETURNS text LANGUAGE plv8 AS 'return arguments[0] + $2';
SELECT is(unnamed('a', 'b'), 'ab', 'unnamed ones as $n and arguments[]');
CREATE FUNCTION vari(VARIADIC a text[]) RETURNS text LANGUAGE plv8 AS 'return a.join("+")';
SELECT is(vari('x', NULL, 'z'), 'x++z', 'VARIADIC is an array');
CREATE FUNCTION nullable(a int) RETURNS text LANGUAGE plv8 AS 'return String(a)';
SELECT is(nullable(NULL), 'null', 'NULL is null where not STRICT');
CREATE FUNCTION strict_one(a int) RETURNS text LANGUAGE plv8 STRICT AS 'return "called"';
SELECT is(strict_one(NULL), NULL, 'STRICT is not called with NULL');
CREATE FUNCTION null_out() RETURNS text LANGUAGE plv8 AS 'return null';
SELECT is(null_out(), NULL, 'null is NULL');
CREATE FUNCTION dflt(a int, b int DEFAULT 7) RETURNS int LANGUAGE plv8 AS 'return a + b';
SELECT is(dflt(1), 8, 'defaults');
CREATE FUNCTION this_is_global() RETURNS bool LANGUAGE plv8 AS 'return this === globalThis';
SELECT ok(this_is_global(), '"this" is the global object');

CREATE TYPE rec AS (i integer, t text);
CREATE FUNCTION both_ways() RETURNS SETOF rec LANGUAGE plv8 AS $$
  plv8.return_next({i: 1, t: 'a'});
  plv8.return_next({t: 'b', i: 2});
  return [{i: 3, t: 'c'}, {i: 4, t: null}];
$$;
SELECT results_eq('SELECT * FROM both_ways()',
  $$VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, NULL)$$, 'a set by return_next and by array');
CREATE FUNCTION ints() RETURNS SETOF int LANGUAGE plv8 AS
  'plv8.return_next(1); plv8.return_next(2); return [3, null]';
SELECT results_eq('SELECT * FROM ints()', 'VALUES (1), (2), (3), (NULL)', 'a set of scalars');
SELECT results_eq('SELECT ints()', 'VALUES (1), (2), (3), (NULL)', 'in the select list');
CREATE FUNCTION nested_set() RETURNS SETOF float8 LANGUAGE plv8 AS $$
  plv8.return_next(-0.2);
  plv8.return_next(plv8.execute('SELECT ints() AS i')[0].i);
  return 0.2;
$$;
SELECT results_eq('SELECT * FROM nested_set()', 'VALUES (-0.2::float8), (1), (0.2)',
  'sets within sets, and a bare value as the last row');
CREATE FUNCTION empty_set() RETURNS SETOF rec LANGUAGE plv8 AS '';
SELECT is_empty('SELECT * FROM empty_set()', 'an empty set');
CREATE FUNCTION many(n int) RETURNS SETOF int LANGUAGE plv8 AS
  'for (let i = 0; i < n; i++) plv8.return_next(i)';
SELECT is((SELECT count(*) FROM many(100000)), 100000::int8, 'a hundred thousand rows');
CREATE FUNCTION matrix_rows() RETURNS SETOF int[] LANGUAGE plv8 AS 'return [[1, 2], [3]]';
SELECT results_eq('SELECT * FROM matrix_rows()', $$VALUES ('{1,2}'::int[]), ('{3}')$$,
  'a set of arrays');
CREATE FUNCTION jsons() RETURNS SETOF jsonb LANGUAGE plv8 AS 'return [{a: 1}, [2]]';
SELECT results_eq('SELECT * FROM jsons()', $$VALUES ('{"a": 1}'::jsonb), ('[2]')$$,
  'a set of jsonb');

CREATE FUNCTION not_object() RETURNS SETOF rec LANGUAGE plv8 AS 'plv8.return_next("abc")';
SELECT throws_ok('SELECT * FROM not_object()', '42804', 'argument must be an object',
  'a row must be an object');
CREATE FUNCTION unnamed_set() RETURNS SETOF record LANGUAGE plv8 AS
  'plv8.return_next({a: 1, b: 2})';
SELECT results_eq('SELECT * FROM unnamed_set() AS x(a int, b int)', 'VALUES (1, 2)',
  'SETOF record with a column list');
SELECT throws_ok('SELECT * FROM unnamed_set() AS x(a int)', '42804',
  'expected fields and property names have different cardinality', 'a property too many');
SELECT throws_ok('SELECT * FROM unnamed_set() AS x(a int, c int)', '42804',
  'field name / property name mismatch', 'a property of another name');
SELECT throws_ok('SELECT unnamed_set()', '0A000', NULL, 'and no column list, no record');
DO $$ try { plv8.return_next({}) } catch (e) { globalThis.caught = e.message } $$ LANGUAGE plv8;
CREATE FUNCTION caught() RETURNS text LANGUAGE plv8 AS 'return globalThis.caught';
SELECT is(caught(), 'return_next called in context that cannot accept a set',
  'return_next belongs into sets');

CREATE FUNCTION tab(n int) RETURNS TABLE (a int, b text) LANGUAGE plv8 AS
  'return [{a: n, b: "x"}, {a: n + 1, b: null}]';
SELECT results_eq('SELECT * FROM tab(5)', $$VALUES (5, 'x'), (6, NULL)$$, 'RETURNS TABLE');
CREATE FUNCTION outs(a int, OUT b int, OUT c text) LANGUAGE plv8 AS 'return {b: a + 1, c: "c"}';
SELECT results_eq('SELECT * FROM outs(1)', $$VALUES (2, 'c')$$, 'several OUT parameters');
CREATE FUNCTION one_out(OUT o text, i integer) LANGUAGE plv8 AS $$return 'ABC' + i$$;
SELECT is(one_out(123), 'ABC123', 'one OUT parameter is the result');
CREATE FUNCTION one_inout(a integer, INOUT b text) LANGUAGE plv8 AS 'return a + b';
SELECT is(one_inout(5, 'ABC'), '5ABC', 'INOUT');
CREATE FUNCTION one_rec(i int, t text) RETURNS rec LANGUAGE plv8 AS 'return {i, t}';
SELECT is(one_rec(1, 'a'), ROW(1, 'a')::rec, 'a composite result');

CREATE FUNCTION first(poly anyarray) RETURNS anyelement LANGUAGE plv8 AS 'return poly[0]';
SELECT is(first(ARRAY[10, 11]), 10, 'polymorphic, with integers');
SELECT is(first(ARRAY['foo', 'bar']), 'foo', 'polymorphic, with texts');

CREATE PROCEDURE proc(INOUT a int) LANGUAGE plv8 AS 'return {a: a * 2}';
CREATE TABLE called (a int);
CREATE PROCEDURE proc2(v int) LANGUAGE plv8 AS
  'plv8.execute("INSERT INTO called VALUES ($1)", [v])';
CALL proc2(4);
SELECT results_eq('SELECT a FROM called', 'VALUES (4)', 'procedures');
DO $$ BEGIN DECLARE x int := 21; BEGIN CALL proc(x); INSERT INTO called VALUES (x); END; END $$;
SELECT ok(EXISTS (SELECT FROM called WHERE a = 42), 'with INOUT');

CREATE FUNCTION async_sum() RETURNS int LANGUAGE plv8 AS
  'return (async () => { let s = 0; for (const p of [1, 2, 3]) s += await p; return s })()';
SELECT is(async_sum(), 6, 'a promise is followed to its value');
CREATE FUNCTION async_fail() RETURNS int LANGUAGE plv8 AS
  'return Promise.reject(Object.assign(new Error("no"), {sqlerrcode: "22012"}))';
SELECT throws_ok('SELECT async_fail()', '22012', 'no', 'a rejected one is an error');
CREATE FUNCTION async_never() RETURNS int LANGUAGE plv8 AS 'return new Promise(() => {})';
SELECT throws_ok('SELECT async_never()', '38000', NULL, 'so is one that nothing will settle');
SELECT finish();
ROLLBACK;
