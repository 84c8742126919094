-- plv8: plv8.execute, prepare, cursor, subtransaction, and the small ones.
\set ON_ERROR_STOP on
BEGIN;
SELECT plan(54);

-- Runs a body of JavaScript; the result as jsonb.
CREATE FUNCTION js(code text) RETURNS jsonb LANGUAGE plv8 AS
  $$ return new Function(code)() $$;
CREATE TABLE t (i int, s text);

SELECT is(js($$ return plv8.execute("SELECT i, 's' || i AS s FROM generate_series(1, 2) i") $$),
  '[{"i": 1, "s": "s1"}, {"i": 2, "s": "s2"}]', 'SELECT gives rows');
SELECT is(js($$ return plv8.execute(
    "INSERT INTO t SELECT g, 's' || g FROM generate_series(1, 4) g") $$),
  '4', 'INSERT gives a number');
SELECT is(js($$ return plv8.execute("UPDATE t SET s = s WHERE i > $1 RETURNING i", [3]) $$),
  '[{"i": 4}]', 'RETURNING gives rows');
SELECT is(js($$ return plv8.execute("DELETE FROM t WHERE i > 100") $$), '0', 'none is 0');
SELECT is(js($$ return plv8.execute("CREATE TEMP TABLE u (a int)") $$), '0', 'DDL gives 0');
SELECT is(js($$ return plv8.execute("SHOW server_encoding") $$), '[{"server_encoding": "UTF8"}]',
  'SHOW gives rows');
SELECT is(js($$ return plv8.execute("SELECT 1 WHERE false") $$), '[]', 'no rows, empty array');
SELECT is(js($$ return plv8.execute("SELECT $1 || i AS x FROM generate_series(1, $2) i", ['s',
  2]) $$),
  '[{"x": "s1"}, {"x": "s2"}]', 'parameters get their types from the statement');
SELECT is(js($$ return plv8.execute("SELECT $1::int + $2::int AS x", 1, 2) $$), '[{"x": 3}]',
  'parameters one by one');
SELECT is(js($$ return plv8.execute("SELECT $1::int IS NULL AS a, $2 AS b", [null, 'x']) $$),
  '[{"a": true, "b": "x"}]', 'null parameters, and one of no type is text');
SELECT is(js($$ return plv8.execute("SELECT $1::jsonb -> 'a' AS x", [{a: [1]}]) $$),
  '[{"x": [1]}]',
  'a jsonb parameter is an object');
SELECT is(js($$ return plv8.execute("SELECT $1::int[] AS x", [[1, 2]]) $$), '[{"x": [1, 2]}]',
  'an array parameter');
CREATE TYPE acomp AS (x int, y text, z timestamptz);
SELECT is(js($$ return plv8.execute("SELECT $1::acomp[]", [[{x: 2, z: null, y: null}]]) $$),
  '[{"acomp": [{"x": 2, "y": null, "z": null}]}]', 'an array of composites');
SELECT is(js($$ return String(plv8.execute("SELECT count(*) AS n FROM t")[0].n) $$), '"4"',
  'count(*) is a BigInt');
SELECT is(js($$ return plv8.execute("SELECT 1 AS __proto__, 2 AS a")[0] $$) -> 'a', '2',
  'any column name');
SELECT throws_ok($x$SELECT js('plv8.execute("SELECT $1::int", [1, 2])')$x$, '22023', NULL,
  'the number of parameters is checked');
SELECT throws_ok($x$SELECT js('plv8.execute("COMMIT")')$x$, '0A000', NULL, 'no COMMIT in here');
SELECT throws_ok($x$SELECT js('plv8.execute("COPY t TO STDOUT")')$x$, '0A000', NULL,
  'no COPY to the client');
CREATE FUNCTION stable_write() RETURNS void STABLE LANGUAGE plv8 AS
  $$ plv8.execute("INSERT INTO t VALUES (9)") $$;
SELECT throws_ok('SELECT stable_write()', '0A000', NULL, 'a STABLE function is read-only');

-- prepare
SELECT is(js($$ const p = plv8.prepare("SELECT * FROM t WHERE i = $1 AND s = $2", ["int",
  "text"]);
  const r = [p.execute([2, "s2"]), p.execute([2, "x"]), p.execute(3, "s3")]; p.free();
    return r $$),
  '[[{"i": 2, "s": "s2"}], [], [{"i": 3, "s": "s3"}]]', 'a plan with named types');
SELECT is(js($$ const p = plv8.prepare("SELECT relname FROM pg_class WHERE oid = $1");
  return p.execute(["1259"]) $$), '[{"relname": "pg_class"}]',
    'a plan whose types the parser finds');
SELECT is(js($$ return [String(plv8.prepare("SELECT 1")),
  String(plv8.prepare("SELECT 1").cursor())] $$),
  '["[object PreparedPlan]", "[object Cursor]"]', 'their class names');
SELECT is(js($$ globalThis.kept = plv8.prepare("SELECT $1::int * 2 AS x"); return 0 $$), '0',
  'a plan is kept');
SELECT is(js($$ let s = 0; for (let i = 0; i < 100; i++) s += kept.execute([i])[0].x;
  return s $$),
  '9900', 'and used by later calls');
ALTER TABLE t ADD COLUMN more int DEFAULT 5;
SELECT is(js($$ globalThis.star = plv8.prepare("SELECT * FROM t WHERE i = $1");
  return star.execute([1]) $$),
  '[{"i": 1, "s": "s1", "more": 5}]', 'a plan of SELECT *');
ALTER TABLE t DROP COLUMN more;
SELECT is(js($$ return star.execute([1]) $$), '[{"i": 1, "s": "s1"}]', 'follows the table');
SELECT is(js($$ const p = plv8.prepare("SELECT 1"); p.free();
  try { p.execute() } catch (e) { return e.message } $$), '"the prepared plan has been freed"',
  'a freed plan is refused');
SELECT is(js($$ const p = plv8.prepare("SELECT $1::text AS x", ["text"]);
  try { p.execute([{toString() { p.free(); return "x" }}]) } catch (e) { return e.message } $$),
  '"the prepared plan is being executed"', 'no free() under a running plan');
SELECT is(js($$ try { plv8.prepare("SELECT $1", ["nosuch"]) } catch (e) {
  return e.sqlerrcode } $$),
  '"42704"', 'an unknown type');

-- cursor
SELECT is(js($$ const p = plv8.prepare("SELECT i FROM t ORDER BY i"), c = p.cursor(), r = [];
  let row; while (row = c.fetch()) r.push(row.i); c.close(); p.free(); return r $$),
  '[1, 2, 3, 4]', 'fetch() one by one until undefined');
SELECT is(js($$ const c = plv8.prepare("SELECT i FROM t ORDER BY i").cursor();
  const r = [c.fetch(2), c.fetch(5), c.fetch(1)]; c.close(); return r $$),
  '[[{"i": 1}, {"i": 2}], [{"i": 3}, {"i": 4}], []]', 'fetch(n) gives arrays');
SELECT is(js($$ const c = plv8.prepare("SELECT i FROM t WHERE i >= $1 ORDER BY i",
  ["int"]).cursor([2]);
  c.move(2); const r = [c.fetch().i]; c.move(-2); r.push(c.fetch().i); r.push(c.fetch(-1)[0].i);
    return r $$),
  '[4, 3, 2]', 'move, and backwards');
SELECT is(js($$ const c = plv8.prepare("SELECT 1").cursor(); c.close();
  try { c.fetch() } catch (e) { return [e.message, e.sqlerrcode] } $$),
    '["cannot find cursor", "34000"]',
  'a closed cursor');
SELECT is(js($$ const c = plv8.prepare("SELECT 1").cursor();
  try { c.fetch.apply(null) } catch (e) { return e instanceof TypeError } $$), 'true',
  'methods work on their own objects only');
SELECT is(js($$ const p = plv8.prepare("SELECT 1"); return [p, p.cursor()].map(o => {
    try { return String(new o.constructor()) } catch (e) { return e.message } }) $$),
  '["Illegal constructor", "Illegal constructor"]', 'nobody else makes plans and cursors');
SELECT is(js($$ class Plan extends plv8.prepare("SELECT 1").constructor {}
  try { new Plan().execute() } catch (e) { return e.message } $$), '"Illegal constructor"',
    'not by a subclass');

-- subtransaction
CREATE TABLE sub (a int);
SELECT is(js($$ try { plv8.subtransaction(() => {
    plv8.execute("INSERT INTO sub VALUES (1)");
    plv8.execute("INSERT INTO sub VALUES (1 / 0)"); });
  } catch (e) { plv8.execute("INSERT INTO sub VALUES (2)"); return e.sqlerrcode } $$), '"22012"',
  'an error leaves subtransaction()');
SELECT results_eq('SELECT a FROM sub', 'VALUES (2)', 'and takes all of it along');
SELECT is(js($$ return plv8.subtransaction(() => plv8.execute("INSERT INTO sub VALUES (3)")) $$),
  '1',
  'its result is the function''s');
SELECT is(js($$ try { plv8.subtransaction(() => { plv8.execute("INSERT INTO sub VALUES (4)");
  throw 'mine' }) }
  catch (e) { return e } $$), '"mine"', 'JavaScript''s own exceptions too');
SELECT is(js($$ plv8.subtransaction(() => {
    plv8.execute("INSERT INTO sub VALUES (5)");
    try { plv8.subtransaction(() => { plv8.execute("INSERT INTO sub VALUES (6)");
      throw 1 }) } catch (e) {} });
  return plv8.execute("SELECT a FROM sub ORDER BY a").map(r => r.a) $$), '[2, 3, 5]', 'nested');
SELECT is(js($$ try { plv8.execute("INSERT INTO sub VALUES (7), (1 / 0)") } catch (e) {}
  plv8.execute("INSERT INTO sub VALUES (8)");
    return plv8.execute("SELECT max(a) AS m FROM sub")[0].m $$),
  '8', 'an error caught outside of subtransaction() leaves the transaction usable');

-- find_function
CREATE SCHEMA fx;
CREATE FUNCTION callee(a int) RETURNS int LANGUAGE plv8 AS 'return a * a';
CREATE FUNCTION fx.bundle(internal) RETURNS void LANGUAGE plv8 AS
  'globalThis.loads = (globalThis.loads || 0) + 1; return {add: (a, b) => a + b}';
CREATE FUNCTION sqlf(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * $1';
SELECT is(js($$ return [plv8.find_function("callee")(3),
  plv8.find_function("callee(int)")(4)] $$), '[9, 16]',
  'find_function by name and by signature');
SELECT is(js($$ return plv8.find_function("fx.bundle")().add({}, [1]) $$), '"[object Object]1"',
  'it is the function itself, with JavaScript''s values');
SELECT is(js($$ try { plv8.find_function("sqlf") } catch (e) { return e.message } $$),
  '"javascript function is not found for \"sqlf\""', 'of plv8 only');
SELECT is(js($$ try { plv8.find_function("callee(int, int)") } catch (e) {
  return e.sqlerrcode } $$), '"42883"',
  'an unknown one is a catchable error');

-- quote_*, elog, version, globals
SELECT is(js($$ return ["it's", "select", null, 'a\\b'].map(s =>
  [plv8.quote_literal(s), plv8.quote_nullable(s), plv8.quote_ident(s)].join(" ")) $$),
  $$["'it''s' 'it''s' \"it's\"", "'select' 'select' \"select\"", "'null' NULL \"null\"",
     "E'a\\\\b' E'a\\\\b' \"a\\b\""]$$, 'quoting is SQL''s');
SELECT is(js($$ return [DEBUG5, DEBUG4, DEBUG3, DEBUG2, DEBUG1, LOG, INFO, NOTICE, WARNING,
  ERROR] $$),
  '[10, 11, 12, 13, 14, 15, 17, 18, 19, 21]', 'levels are globals, with PostgreSQL''s numbers');
SELECT is(js($$ try { plv8.elog(ERROR, 'a', 1) } catch (e) { return [e.message,
  e instanceof Error] } $$),
  '["a 1", true]', 'elog(ERROR) is a catchable Error');
SELECT is(js($$ try { plv8.elog(22, 'x') } catch (e) { return e.message } $$),
  '"invalid error level"',
  'FATAL is not allowed');
SELECT is(js($$ plv8.elog(DEBUG5, 'x'); return typeof plv8.version $$), '"string"',
  'elog(DEBUG5), plv8.version');
SELECT is(js($$ try { plv8.elog(NOTICE, {toString() { throw 'mine' }}) } catch (e) {
  return e } $$), '"mine"',
  'a toString that throws');
SELECT is(js($$ return [typeof setTimeout, typeof WebAssembly, typeof require, typeof process,
  typeof globalThis] $$),
  '["undefined", "undefined", "undefined", "undefined", "object"]',
    'no timers, no WebAssembly, nothing of node');
SELECT is(js($$ return [[3, 1, 2].at(-1), Object.hasOwn({a: 1}, 'a'), 'aXbX'.replaceAll('X', '-'),
  (class { #p = 1; static { this.s = 1 } has(o) { return #p in o } }).s] $$),
    '[2, true, "a-b-", 1]', 'ES2022');
SELECT finish();
ROLLBACK;
