-- plv8: errors in both directions, and what they carry.
\set ON_ERROR_STOP on
BEGIN;
SELECT plan(29);

CREATE FUNCTION js(code text) RETURNS jsonb LANGUAGE plv8 AS
  $$ return new Function(code)() $$;

-- All that a client sees of an error.
CREATE FUNCTION fields(query text, OUT state text, OUT msg text, OUT detail text, OUT hint text,
    OUT context text, OUT col text, OUT con text, OUT dt text, OUT tab text, OUT sch text) AS $$
BEGIN
  EXECUTE query;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT,
    detail = PG_EXCEPTION_DETAIL,
    hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT, col = COLUMN_NAME,
      con = CONSTRAINT_NAME,
    dt = PG_DATATYPE_NAME, tab = TABLE_NAME, sch = SCHEMA_NAME;
END $$ LANGUAGE plpgsql;

CREATE FUNCTION thrower() RETURNS void LANGUAGE plv8 AS $$
  function inner() { throw new Error('an error'); }
  inner();
$$;
SELECT is((fields('SELECT thrower()')).msg, 'an error', 'the message of an Error');
SELECT is((fields('SELECT thrower()')).state, 'XX000', 'default sqlstate');
SELECT alike((fields('SELECT thrower()')).detail,
  'at inner (thrower:2:28)%at thrower (thrower:3:3)%',
  'its stack is the detail');
SELECT alike((fields('SELECT thrower()')).context, 'thrower() LINE 2:   function inner()%',
  'its line is in the context, counted as in the body');
SELECT is((fields('SELECT js(''return x.y'')')).msg, 'ReferenceError: x is not defined',
  'other errors have their name');
SELECT is((fields('SELECT js(''throw "text"'')')).msg, 'text', 'a thrown string');
SELECT is((fields('SELECT js(''throw {message: "m", code: "22012"}'')')).state, '22012',
  'a thrown object');
SELECT is((fields('SELECT js(''throw null'')')).msg, 'null', 'a thrown null');

CREATE FUNCTION rich(props jsonb) RETURNS void LANGUAGE plv8 AS $$
  throw Object.assign(new Error('rich'), props);
$$;
SELECT is((SELECT ROW(state, msg, detail, hint, sch, tab, col, dt, con)::text FROM fields(
  $$SELECT rich('{"sqlerrcode": "23505", "detail": "d", "hint": "h", "schema_name": "s",
   "table_name": "t", "column_name": "c", "datatype_name": "y", "constraint_name": "k"}')$$)),
  '(23505,rich,d,h,s,t,c,y,k)', 'the fields that an error object names');
SELECT is((fields($$SELECT rich('{"code": "40001"}')$$)).state, '40001', '"code" as text');
SELECT is((fields(format($$SELECT rich('{"code": %s}')$$, 16777220))).state, '40001',
  '"code" as PostgreSQL packs it');
SELECT is((fields($$SELECT rich('{"sqlerrcode": "00000"}')$$)).state, 'XX000',
  'success is no error code');
SELECT is((fields($$SELECT rich('{"sqlerrcode": "nonsense"}')$$)).state, 'XX000',
  'nor is nonsense');
SELECT alike((fields($$SELECT rich('{"context": "mine"}')$$)).context, E'mine\nrich() LINE 2:%',
  'a context of its own');

-- SQL errors in JavaScript
CREATE TABLE uniq (k int CONSTRAINT one_of_a_kind PRIMARY KEY);
INSERT INTO uniq VALUES (1);
SELECT is(js($$ try { plv8.execute('INSERT INTO uniq VALUES (1)') } catch (e) {
    return [e instanceof Error, String(e), e.sqlerrcode, e.detail, e.hint, e.table_name,
      e.constraint_name] } $$),
  '[true, "Error: duplicate key value violates unique constraint \"one_of_a_kind\"", "23505",
    "Key (k)=(1) already exists.", null, "uniq", "one_of_a_kind"]', 'a caught SQL error');
SELECT is(js($$ try { plv8.execute('INSERT INTO uniq VALUES (1)') } catch (e) {
  return e.code } $$), '83906754',
  'its packed code, as plv8 has it');
SELECT is((fields($$SELECT js('plv8.execute("INSERT INTO uniq VALUES (1)")')$$)).con,
  'one_of_a_kind',
  'an uncaught one keeps its constraint,');
SELECT is((fields($$SELECT js('plv8.execute("INSERT INTO uniq VALUES (1)")')$$)).detail,
  'Key (k)=(1) already exists.',
  'its detail,');
SELECT is((fields($$SELECT js('plv8.execute("INSERT INTO uniq VALUES (1)")')$$)).state, '23505',
  'its sqlstate');
SELECT is((fields($$SELECT js('try { plv8.execute("INSERT INTO uniq VALUES (1)") }
  catch (e) { e.hint = "try 2"; throw e }')$$)).hint, 'try 2', 'and what was added to it');

CREATE FUNCTION raiser() RETURNS void LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = 'MTM01', HINT = 'a hint', DETAIL = 'a detail';
  END $$;
CREATE FUNCTION middle() RETURNS void LANGUAGE plv8 AS $$plv8.execute('SELECT raiser()')$$;
CREATE FUNCTION outermost() RETURNS void LANGUAGE plv8 AS $$plv8.execute('SELECT middle()')$$;
SELECT is((fields('SELECT outermost()')).state || (fields('SELECT outermost()')).hint
  || (fields('SELECT outermost()')).detail, 'MTM01a hinta detail', 'through two functions');
SELECT is((SELECT count(*) FROM regexp_matches((fields('SELECT outermost()')).context,
  'PL/pgSQL function raiser', 'g')),
  1::int8, 'each context line comes once');
SELECT is((SELECT count(*) FROM regexp_matches((fields('SELECT outermost()')).context,
  'PL/pgSQL function fields', 'g')),
  1::int8, 'the callers'' too');
SELECT alike((fields('SELECT outermost()')).context,
  'PL/pgSQL function raiser()%SELECT raiser()%middle() LINE 1%SELECT middle()'
  '%outermost() LINE 1%fields%',
  'inner lines first');

SELECT throws_ok($$CREATE FUNCTION bad() RETURNS void LANGUAGE plv8 AS 'var a = ;'$$, '42601',
  'SyntaxError: Unexpected token '';''', 'a syntax error is found by CREATE FUNCTION');
SET LOCAL check_function_bodies = off;
SELECT lives_ok($$CREATE FUNCTION bad() RETURNS void LANGUAGE plv8 AS 'var a = ;'$$,
  'unless told not to look');
SELECT throws_ok('SELECT bad()', '42601', NULL, 'and then by the call');
SET LOCAL check_function_bodies = on;
SELECT throws_ok($$CREATE FUNCTION evt() RETURNS event_trigger LANGUAGE plv8 AS ''$$, '0A000',
  NULL,
  'no event triggers');
SELECT throws_ok($$CREATE FUNCTION brk() RETURNS int LANGUAGE plv8 AS
  'return 1 }) ; (function () {'$$, '42601', NULL,
  'a body cannot close its function');
SELECT finish();
ROLLBACK;
