-- The extension of the third server: what it offers, to whom, and how it decides. It needs
-- nothing of multimaster; here it is made for the length of a transaction.
BEGIN;
SELECT plan(28);

CREATE EXTENSION referee;

-- ---- what there is, and for whom ------------------------------------------------
SELECT function_returns('referee', 'request_grant', '{integer,bigint}'::text[], 'referee.decision');
SELECT function_returns('referee', 'clean', '{}'::text[], 'boolean');
SELECT columns_are('referee', 'decision', '{key,node_id,gen_num,decided}'::name[]);
SELECT function_privs_are('referee', 'request_grant', '{integer,bigint}'::text[], 'pg_monitor', '{}'::name[]);
SELECT function_privs_are('referee', 'clean', '{}'::text[], 'pg_monitor', '{}'::name[]);
SELECT table_privs_are('referee', 'decision', 'pg_monitor', '{SELECT}'::name[]);
SELECT table_privs_are('referee', 'decision', 'pg_read_all_stats', '{}'::name[]);
SELECT schema_privs_are('referee', 'pg_read_all_stats', '{USAGE}'::name[]);
SELECT is_empty($$SELECT proname FROM pg_proc WHERE pronamespace = 'referee'::regnamespace
                  AND obj_description(oid, 'pg_proc') IS NULL$$, 'functions have comments');
SELECT isnt(obj_description('referee.decision'::regclass, 'pg_class'), NULL, 'the table, too');
SELECT is_empty($$SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'referee.decision'::regclass
                  AND a.attnum > 0 AND col_description(a.attrelid, a.attnum) IS NULL$$,
  'and its columns');

-- ---- a role with the one right that a node needs ----------------------------------
CREATE ROLE referee_test_node;
GRANT EXECUTE ON FUNCTION referee.request_grant TO referee_test_node;
SET ROLE referee_test_node;
SELECT is(referee.request_grant(1, 0) IS NULL, true, 'nothing is decided at first');
SELECT is((referee.request_grant(2, 7)).node_id, 2, 'the first to ask gets it');
SELECT throws_ok('SELECT * FROM referee.decision', '42501', NULL, 'it cannot read the table');
SELECT throws_ok('SELECT referee.clean()', '42501', NULL, 'nor clean it');
RESET ROLE;

-- ---- how it decides, as ruled() in test/sim/referee.ts ----------------------------------
CREATE FUNCTION pg_temp.ask(node int, number bigint) RETURNS text LANGUAGE sql AS
  $$SELECT gen_num || ' to ' || node_id FROM referee.request_grant($1, $2)$$;
SELECT is(pg_temp.ask(1, 7), '7 to 2', 'who asks second is told of the first');
SELECT is(pg_temp.ask(2, 7), '7 to 2', 'who asks again gets it again');
SELECT is(pg_temp.ask(1, 6), '7 to 2', 'an older question changes nothing');
SELECT is(pg_temp.ask(1, 0), '7 to 2', 'nor does one about no generation');
SELECT is(pg_temp.ask(1, -1), '7 to 2', 'nor about less');
SELECT is(pg_temp.ask(1, 9), '9 to 1', 'a newer one is for who asks it first');
SELECT is(pg_temp.ask(2, 7), '9 to 1', 'then the older decision is over');
SELECT is(pg_temp.ask(NULL, 10), NULL, 'nobody who asks changes nothing');
SELECT throws_ok('SELECT referee.request_grant(0, 10)', '23514', NULL, 'there is no node 0');
SELECT is(pg_temp.ask(1, 0), '9 to 1', 'and it does not get it');
SELECT is((SELECT count(*) FROM referee.decision), 1::bigint, 'one row at most');

SELECT is(referee.clean(), true, 'it can be made to forget');
SELECT is(referee.clean(), false, 'once');

SELECT * FROM finish();
ROLLBACK;
