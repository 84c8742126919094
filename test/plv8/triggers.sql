-- plv8: trigger functions.
\set ON_ERROR_STOP on
BEGIN;
SELECT plan(21);

CREATE TABLE seen (n serial, what text);
CREATE TABLE tbl (i int, s text);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plv8 AS $$
  plv8.execute('INSERT INTO seen (what) VALUES ($1)', [[TG_OP, TG_WHEN, TG_LEVEL, TG_NAME,
    TG_TABLE_SCHEMA === plv8.execute('SELECT current_schema() AS s')[0].s, TG_TABLE_NAME,
    TG_RELID === plv8.execute(`SELECT 'tbl'::regclass::oid AS o`)[0].o,
    JSON.stringify(TG_ARGV), JSON.stringify(OLD), JSON.stringify(NEW)].join(' ')]);
$$;
CREATE TRIGGER b_row BEFORE INSERT OR UPDATE OR DELETE ON tbl
  FOR EACH ROW EXECUTE FUNCTION watch('foo', 'bar');
CREATE TRIGGER a_stmt AFTER INSERT OR TRUNCATE ON tbl FOR EACH STATEMENT EXECUTE FUNCTION watch();
INSERT INTO tbl VALUES (1, 'a');
SELECT results_eq('SELECT what FROM seen ORDER BY n', $$VALUES
  ('INSERT BEFORE ROW b_row true tbl true ["foo","bar"]  {"i":1,"s":"a"}'),
  ('INSERT AFTER STATEMENT a_stmt true tbl true []  ')$$, 'INSERT, and all TG_ variables');
TRUNCATE seen;
UPDATE tbl SET s = 'b';
SELECT results_eq('SELECT what FROM seen', $$VALUES
  ('UPDATE BEFORE ROW b_row true tbl true ["foo","bar"] {"i":1,"s":"a"} {"i":1,"s":"b"}')$$,
  'UPDATE has OLD and NEW');
SELECT is((SELECT s FROM tbl), 'b', 'undefined leaves NEW as it was');
TRUNCATE seen;
DELETE FROM tbl;
SELECT results_eq('SELECT what FROM seen', $$VALUES
  ('DELETE BEFORE ROW b_row true tbl true ["foo","bar"] {"i":1,"s":"b"} ')$$, 'DELETE has OLD');
SELECT is_empty('SELECT FROM tbl', 'undefined does not stop a DELETE');
TRUNCATE seen;
TRUNCATE tbl;
SELECT is((SELECT what FROM seen), 'TRUNCATE AFTER STATEMENT a_stmt true tbl true []  ',
  'TRUNCATE');

CREATE TABLE rows (subject text, val int);
CREATE FUNCTION act() RETURNS trigger LANGUAGE plv8 AS $$
  const row = NEW || OLD;
  if (row.subject === 'skip') return null;
  if (row.subject === 'modify' && NEW) { NEW.val *= 2; return NEW; }
$$;
CREATE TRIGGER act BEFORE INSERT OR UPDATE OR DELETE ON rows FOR EACH ROW EXECUTE FUNCTION act();
INSERT INTO rows VALUES ('skip', 1), ('modify', 2), ('noop', 3);
SELECT set_eq('SELECT * FROM rows', $$VALUES ('modify', 4), ('noop', 3)$$,
  'null skips a row, a returned NEW is stored');
UPDATE rows SET val = 10;
SELECT set_eq('SELECT * FROM rows', $$VALUES ('modify', 20), ('noop', 10)$$, 'also in an UPDATE');
UPDATE rows SET subject = 'skip' WHERE val = 10;
SELECT set_eq('SELECT * FROM rows', $$VALUES ('modify', 20), ('noop', 10)$$,
  'which null skips too');
ALTER TABLE rows DISABLE TRIGGER act;
UPDATE rows SET subject = 'skip' WHERE val = 10;
ALTER TABLE rows ENABLE TRIGGER act;
DELETE FROM rows;
SELECT set_eq('SELECT * FROM rows', $$VALUES ('skip', 10)$$, 'and a DELETE');

-- What JavaScript sees less exactly than SQL comes back unharmed.
CREATE TABLE exact (ts timestamptz, n numeric, big int8, j json, jb jsonb, inf timestamp,
                    a numeric[], t text, gone int, v varchar(3), pad char(5), b bytea);
ALTER TABLE exact DROP COLUMN gone;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plv8 AS $$ NEW.t = 'touched'; return {...NEW} $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON exact FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO exact VALUES ('2020-01-01 00:00:00.123456+00', 1.234567890123456789012,
  9007199254740993,
  '{"b" : 1,  "a":2}', '{"n": 1.00000000000000000001}', 'infinity', '{1.234567890123456789012}',
  'x', 'abc', 'ab', '\x00ff');
SELECT results_eq('SELECT ts, n, big, j::text, jb, inf, a, t, v, pad, b FROM exact',
  $$VALUES ('2020-01-01 00:00:00.123456+00'::timestamptz, 1.234567890123456789012,
    9007199254740993,
  '{"b" : 1,  "a":2}', '{"n": 1.00000000000000000001}'::jsonb, 'infinity'::timestamp,
  '{1.234567890123456789012}'::numeric[], 'touched', 'abc'::varchar, 'ab'::char(5),
    '\x00ff'::bytea)$$,
  'columns that a trigger leaves alone keep every digit');
CREATE FUNCTION change() RETURNS trigger LANGUAGE plv8 AS
  $$ NEW[TG_ARGV[0]] = JSON.parse(TG_ARGV[1]); return NEW $$;
CREATE TRIGGER change BEFORE UPDATE ON exact FOR EACH ROW EXECUTE FUNCTION change('jb',
  '{"n":2}');
UPDATE exact SET t = 'y';
SELECT is((SELECT jb FROM exact), '{"n": 2}', 'a changed column is stored');
DROP TRIGGER change ON exact;
CREATE TRIGGER change BEFORE UPDATE ON exact FOR EACH ROW EXECUTE FUNCTION change('v', '"abcd"');
SELECT throws_ok($$UPDATE exact SET t = 'z'$$, '22001', NULL, 'its typmod holds');
DROP TRIGGER change ON exact;
CREATE TRIGGER change BEFORE UPDATE ON exact FOR EACH ROW EXECUTE FUNCTION change('none', '1');
SELECT throws_ok($$UPDATE exact SET t = 'z'$$, '42804', NULL,
  'a property that is no column is refused');
DROP TRIGGER change ON exact;

CREATE FUNCTION partial() RETURNS trigger LANGUAGE plv8 AS 'return {i: 1}';
CREATE TRIGGER partial BEFORE INSERT ON tbl FOR EACH ROW EXECUTE FUNCTION partial();
SELECT throws_ok('INSERT INTO tbl VALUES (1, $$a$$)', '42804',
  'field name / property name mismatch',
  'a row with a column missing is refused, not stored with a NULL');
DROP TRIGGER partial ON tbl;

CREATE VIEW vw AS SELECT * FROM tbl;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plv8 AS
  $$ plv8.execute('INSERT INTO tbl VALUES ($1, $2)', [NEW.i, TG_WHEN]); return NEW $$;
CREATE TRIGGER instead INSTEAD OF INSERT ON vw FOR EACH ROW EXECUTE FUNCTION instead();
INSERT INTO vw VALUES (7, 'x');
SELECT results_eq('SELECT * FROM tbl', $$VALUES (7, 'INSTEAD OF')$$, 'INSTEAD OF on a view');

CREATE FUNCTION transition() RETURNS trigger LANGUAGE plv8 AS $$
  plv8.execute('INSERT INTO seen (what) SELECT string_agg(i::text, $1 ORDER BY i) FROM fresh',
    [',']) $$;
CREATE TRIGGER transition AFTER INSERT ON tbl REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION transition();
TRUNCATE seen;
INSERT INTO tbl SELECT g FROM generate_series(1, 3) g;
SELECT ok(EXISTS (SELECT FROM seen WHERE what = '1,2,3'), 'transition tables');

SELECT throws_ok('SELECT watch()', '39P01', NULL, 'a trigger function is only called as one');
CREATE FUNCTION failing() RETURNS trigger LANGUAGE plv8 AS
  $$ const e = new Error('no'); e.sqlerrcode = '23514'; e.constraint_name = 'mine'; throw e $$;
CREATE TRIGGER failing BEFORE INSERT ON rows FOR EACH ROW EXECUTE FUNCTION failing();
SELECT throws_ok('INSERT INTO rows VALUES ($$a$$)', '23514', 'no', 'an error refuses the row');
CREATE TABLE gen (a int, b int GENERATED ALWAYS AS (a * 2) STORED);
CREATE FUNCTION plus() RETURNS trigger LANGUAGE plv8 AS 'NEW.a++; return NEW';
CREATE TRIGGER plus BEFORE INSERT OR UPDATE ON gen FOR EACH ROW EXECUTE FUNCTION plus();
INSERT INTO gen VALUES (1);
SELECT results_eq('SELECT * FROM gen', 'VALUES (2, 4)', 'generated columns follow');
UPDATE gen SET a = 10;
SELECT results_eq('SELECT * FROM gen', 'VALUES (11, 22)', 'in updates, too');
SELECT finish();
ROLLBACK;
