-- Tables that are not replicated.
SET client_min_messages = warning;
SELECT plan(11);

CREATE TABLE pgtap_local (id int PRIMARY KEY);
CREATE VIEW pgtap_view AS SELECT * FROM pgtap_local;
CREATE ROLE pgtap_stranger;

SELECT throws_ok($$SELECT mtm.make_table_local('pgtap_view')$$, '42809',
  '"public.pgtap_view" is not a table');
SELECT throws_ok($$SELECT mtm.make_table_local('mtm.local_tables')$$, '42501',
  'table mtm.local_tables belongs to multimaster itself');
SELECT throws_ok($$SELECT mtm.make_table_local('no_such_table')$$, '42P01');

SET ROLE pgtap_stranger;
SELECT throws_ok($$SELECT mtm.make_table_local('pgtap_local')$$, '42501',
  'must be owner of table public.pgtap_local');
SELECT throws_ok($$INSERT INTO mtm.local_tables VALUES ('public', 'pgtap_local')$$, '42501');
RESET ROLE;

SELECT is(count(*), 0::bigint, 'the list is as it was') FROM mtm.local_tables
  WHERE rel_name = 'pgtap_local';
SELECT lives_ok($$SELECT mtm.make_table_local('pgtap_local')$$, 'its owner makes it local');
SELECT lives_ok($$SELECT mtm.make_table_local('pgtap_local')$$, 'a second time does no harm');
SELECT results_eq(
  $$SELECT rel_schema, rel_name FROM mtm.local_tables WHERE rel_name = 'pgtap_local'$$,
  $$VALUES ('public'::name, 'pgtap_local'::name)$$, 'it is listed once');

INSERT INTO pgtap_local VALUES (1);
SELECT is(count(*), 1::bigint, 'it takes rows here') FROM pgtap_local;
DELETE FROM mtm.local_tables WHERE rel_name = 'pgtap_local';
SELECT is_empty($$SELECT FROM mtm.local_tables WHERE rel_name = 'pgtap_local'$$,
  'it can be replicated again');

DROP VIEW pgtap_view;
DROP TABLE pgtap_local;
DROP ROLE pgtap_stranger;
SELECT * FROM finish();
