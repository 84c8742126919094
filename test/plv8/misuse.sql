-- plv8: any value given to any method, or returned, is a result or an error;
-- never a crash, a WARNING of something left open, or an unusable session.
\set ON_ERROR_STOP on
BEGIN;
SELECT plan(3);

CREATE TYPE rec AS (i int, t text);
CREATE FUNCTION as_set(code text) RETURNS SETOF rec LANGUAGE plv8 AS
  'return new Function(code)()';
CREATE FUNCTION as_array(code text) RETURNS int[] LANGUAGE plv8 AS
  'return new Function(code)()';
CREATE FUNCTION as_bytea(code text) RETURNS bytea LANGUAGE plv8 AS
  'return new Function(code)()';
CREATE FUNCTION as_jsonb(code text) RETURNS jsonb LANGUAGE plv8 AS
  'return new Function(code)()';

CREATE FUNCTION codes() RETURNS SETOF text LANGUAGE plv8 AS $js$
  const values = [
    'undefined', 'null', '-1', '1e400', 'NaN', '2n ** 70n', '"x"', '"\\u0000"', '"\\ud800"',
    'Symbol()', '[]', '[[1], [2, 3]]', '[[[[[[[1]]]]]]]', '{}', '{i: 1, t: "x"}',
    '{get i() { throw 1 }, t: 1}', '{get i() { plv8.return_next({i: 1, t: 2}); return 1 }, t: 1}',
    'new Proxy({}, {})', 'new Proxy([], {})', 'new Proxy({i: 1, t: 2}, {ownKeys() { throw 2 }})',
    'function() {}', 'class {}', 'new Date(NaN)', 'new Date(-8.64e15)', 'new Uint8Array(5)',
    'new DataView(new ArrayBuffer(9), 2, 3)', 'new Uint8Array(new SharedArrayBuffer(4))',
    'Promise.resolve([{i: 1, t: 2}])', 'new Map()', 'globalThis', 'plv8',
    'plv8.prepare("SELECT 1")', 'plv8.prepare("SELECT 1").cursor()', 'Object.create(null)',
    'Object.create(plv8.prepare("SELECT 1"))', 'new Error("x")', 'Object.freeze([1, 2])',
    // an array whose getter empties it
    `(() => { const a = [1, 2, 3];
       Object.defineProperty(a, 1, {get() { a.length = 0 }}); return a })()`,
    // nested deeper than any stack
    '(() => { let a = []; for (let i = 0; i < 9000; i++) a = [a]; return a })()',
    '{toJSON() { throw 1 }}', '{toString() { throw 1 }}',
      '{valueOf() { return {} }, toString() { return {} }}',
  ];
  const methods = ['execute', 'prepare', 'elog', 'find_function', 'return_next', 'subtransaction',
    'quote_literal', 'quote_ident', 'quote_nullable'].map((name) => 'plv8.' + name);
  const types = ['int', 'int8', 'text', 'jsonb', 'bytea', 'timestamptz', 'date', 'numeric',
    'bool',
    'rec', 'rec[]', 'int[]', 'jsonb[]', 'record', 'oid', 'void', 'internal', 'point', 'name'];
  const all = methods.map((m) => m + '()');
  for (const v of values) {
    all.push(`return ${v}`, `return [${v}]`, `throw ${v}`, `return {i: ${v}, t: ${v}}`);
    for (const m of methods)
      all.push(`${m}(${v})`, `${m}(NOTICE, ${v})`, `${m}("SELECT 1", ${v})`,
        `${m}.call(${v}, ${v})`);
    for (const t of types) all.push(`return plv8.execute("SELECT $1::${t} AS x", [${v}])`);
    for (const m of ['fetch', 'move', 'close'])
      all.push(`const c = plv8.prepare("SELECT generate_series(1, 3)").cursor();
        c.${m}(${v}); c.${m}.call(${v})`);
    for (const m of ['execute', 'cursor', 'free'])
      all.push(`const p = plv8.prepare("SELECT $1::text"); p.${m}(${v}); p.${m}.call(${v})`);
  }
  return all;
$js$;

SET LOCAL client_min_messages = error;
CREATE TABLE outcome (name text, state text);
DO $$
DECLARE
  names text[] := ARRAY['as_set', 'as_array', 'as_bytea', 'as_jsonb'];
  code text;
  n int := 0;
BEGIN
  FOR code IN SELECT codes() LOOP
    n := n + 1;
    BEGIN
      EXECUTE format('SELECT %I($1)', names[1 + n % 4]) USING code;
      INSERT INTO outcome VALUES (names[1 + n % 4], '00000');
    EXCEPTION WHEN OTHERS THEN
      INSERT INTO outcome VALUES (names[1 + n % 4], SQLSTATE);
    END;
  END LOOP;
END $$;

SELECT is((SELECT count(*) FROM outcome), (SELECT count(*) FROM codes()), 'all came to an end');
SELECT ok((SELECT count(DISTINCT state) FROM outcome) > 10, 'in many ways');
SELECT is(as_jsonb('return [1]'), '[1]'::jsonb, 'and the session is fine');
SELECT finish();
ROLLBACK;
