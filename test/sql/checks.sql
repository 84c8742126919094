-- Comparing and copying tables of a cluster of three that is online, asked on node 1.
SET client_min_messages = error;
SELECT plan(18);

CREATE TABLE pgtap_checked (id int PRIMARY KEY, v text);
INSERT INTO pgtap_checked SELECT g, 'v' || g FROM generate_series(1, 100) g;
CREATE VIEW pgtap_checked_view AS SELECT * FROM pgtap_checked;
CREATE ROLE pgtap_reader IN ROLE pg_read_all_data;

-- ---- equal ---------------------------------------------------------------------------
SELECT is_empty($$SELECT FROM mtm.check_table('pgtap_checked')$$, 'the table is the same everywhere');
SELECT is_empty('SELECT FROM mtm.check_database()', 'and so are all');
SELECT ok(mtm.check_query('SELECT * FROM pgtap_checked'), 'a query gives the same rows');

-- ---- not equal -----------------------------------------------------------------------
SET multimaster.bypass = on;
UPDATE pgtap_checked SET v = NULL WHERE id = 7;
DELETE FROM pgtap_checked WHERE id = 8;
RESET multimaster.bypass;

SELECT bag_eq($$SELECT node_id, relation, key, problem FROM mtm.check_table('pgtap_checked')$$,
  $$VALUES (1, 'pgtap_checked'::regclass, '7', 'differs: column v'),
           (1, 'pgtap_checked'::regclass, '8', 'missing')$$,
  'each row that differs is named');
SELECT is(count(*), 1::bigint, 'max_rows limits the list')
  FROM mtm.check_table('pgtap_checked', max_rows => 1);
SELECT is(count(*), 2::bigint, 'check_database() finds the same') FROM mtm.check_database();
SELECT ok(NOT mtm.check_query('SELECT * FROM pgtap_checked'), 'the query gives other rows');
SELECT ok(mtm.check_query('SELECT * FROM pgtap_checked WHERE id > 10'), 'but not of the others');

SELECT lives_ok($$SELECT mtm.copy_table('pgtap_checked', 2)$$, 'node 2 becomes as node 1');
SELECT is(count(*), 2::bigint, 'now node 3 is the odd one')
  FROM mtm.check_table('pgtap_checked') WHERE node_id = 3;
SELECT lives_ok($$SELECT mtm.broadcast_table('pgtap_checked', 7)$$, 'all become as node 1');
SELECT is_empty($$SELECT FROM mtm.check_table('pgtap_checked')$$, 'they are the same again');

-- ---- what is refused ------------------------------------------------------------------
SELECT throws_ok($$SELECT mtm.check_table('pgtap_checked_view')$$, '42809',
  '"public.pgtap_checked_view" is not a table');
SELECT throws_ok($$SELECT mtm.check_table('pgtap_checked', 0)$$, '22023', 'max_rows must be positive');
SELECT throws_ok($$SELECT mtm.copy_table('pgtap_checked', 1)$$, '22023', 'node 1 is this node');
SELECT throws_ok($$SELECT mtm.copy_table('pgtap_checked', 9)$$, '22023', 'there is no node 9');
SELECT throws_ok($$SELECT mtm.broadcast_table('pgtap_checked', NULL)$$, '22004', 'the mask must not be null');

SET ROLE pgtap_reader;
SELECT ok(mtm.check_query('SELECT current_user'), 'who may read all data may compare queries');
RESET ROLE;

DROP VIEW pgtap_checked_view;
DROP TABLE pgtap_checked;
DROP ROLE pgtap_reader;
SELECT * FROM finish();
