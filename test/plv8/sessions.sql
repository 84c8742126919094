-- plv8: what lives as long as the session: globals, compiled functions, roles.
\set ON_ERROR_STOP on
SELECT plan(23);

CREATE SCHEMA life;
GRANT USAGE ON SCHEMA life TO PUBLIC;
CREATE FUNCTION life.put(v text) RETURNS void LANGUAGE plv8 AS 'globalThis.v = v';
CREATE FUNCTION life.get() RETURNS text LANGUAGE plv8 AS 'return globalThis.v';

BEGIN; SELECT life.put('committed'); COMMIT;
SELECT is(life.get(), 'committed', 'globals survive a commit');
BEGIN; SELECT life.put('aborted'); ROLLBACK;
SELECT is(life.get(), 'aborted', 'an abort');
CREATE FUNCTION life.fail() RETURNS void LANGUAGE plv8 AS
  'globalThis.v = "failed"; throw new Error("x")';
SELECT throws_ok('SELECT life.fail()');
SELECT is(life.get(), 'failed', 'and an error');

-- replaced and dropped
CREATE FUNCTION life.f() RETURNS int LANGUAGE plv8 AS 'return 1';
SELECT is(life.f(), 1, 'a function');
CREATE OR REPLACE FUNCTION life.f() RETURNS int LANGUAGE plv8 AS 'return 2';
SELECT is(life.f(), 2, 'is compiled anew when replaced');
BEGIN;
CREATE OR REPLACE FUNCTION life.f() RETURNS int LANGUAGE plv8 AS 'return 3';
SELECT is(life.f(), 3, 'replaced within a transaction');
ROLLBACK;
SELECT is(life.f(), 2, 'and back after its rollback');
DROP FUNCTION life.f();
CREATE FUNCTION life.f() RETURNS int LANGUAGE plv8 AS 'return 4';
SELECT is(life.f(), 4, 'dropped and made again');
CREATE FUNCTION life.finder() RETURNS int LANGUAGE plv8 AS
  'return plv8.find_function("life.f")()';
SELECT is(life.finder(), 4, 'find_function');
SELECT is(life.finder(), 4, 'remembers it');
CREATE OR REPLACE FUNCTION life.f() RETURNS int LANGUAGE plv8 AS 'return 5';
SELECT is(life.finder(), 5, 'as long as it is the same');
CREATE FUNCTION life.selfish() RETURNS text LANGUAGE plv8 AS $f$
  plv8.execute("CREATE OR REPLACE FUNCTION life.selfish() RETURNS text " +
    "LANGUAGE plv8 AS 'return \"new\"'");
  return 'old';
$f$;
SELECT is(life.selfish() || life.selfish(), 'oldnew', 'a function that replaces itself');

-- roles
CREATE ROLE plv8_alice;
CREATE ROLE plv8_bob;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA life TO PUBLIC;
SET ROLE plv8_alice; SELECT life.put('alice');
SET ROLE plv8_bob; SELECT life.put('bob');
SET ROLE plv8_alice;
CREATE TEMP TABLE seen AS SELECT life.get();
RESET ROLE;
SELECT is((SELECT get FROM seen), 'alice', 'each role has its own globals');
CREATE FUNCTION life.definer() RETURNS text LANGUAGE plv8 SECURITY DEFINER AS
  'return globalThis.v';
ALTER FUNCTION life.definer() OWNER TO plv8_bob;
CREATE FUNCTION life.around() RETURNS text LANGUAGE plv8 AS
  $$ const own = globalThis.v;
     const other = plv8.execute('SELECT life.definer() AS v')[0].v;
     return own + ' ' + other + ' ' + (own === globalThis.v) $$;
SET ROLE plv8_alice;
CREATE TEMP TABLE around AS SELECT life.around();
RESET ROLE;
SELECT is((SELECT around FROM around), 'alice bob true',
  'SECURITY DEFINER runs with its owner''s');
CREATE FUNCTION life.secret() RETURNS int LANGUAGE plv8 AS 'return 1';
REVOKE EXECUTE ON FUNCTION life.secret() FROM PUBLIC;
CREATE FUNCTION life.prober() RETURNS text LANGUAGE plv8 AS
  $$ try { plv8.find_function('life.secret'); return 'found' } catch (e) {
    return e.sqlerrcode } $$;
SET ROLE plv8_alice;
CREATE TEMP TABLE probed AS SELECT life.prober();
RESET ROLE;
SELECT is((SELECT prober FROM probed), '42501', 'find_function asks for EXECUTE');
GRANT EXECUTE ON FUNCTION life.secret() TO plv8_alice;
SET ROLE plv8_alice;
CREATE TEMP TABLE probed2 AS SELECT life.prober();
RESET ROLE;
SELECT is((SELECT prober FROM probed2), 'found', 'when granted, it is found');
REVOKE EXECUTE ON FUNCTION life.secret() FROM plv8_alice;
SET ROLE plv8_alice;
CREATE TEMP TABLE probed3 AS SELECT life.prober();
RESET ROLE;
SELECT is((SELECT prober FROM probed3), '42501', 'when revoked, forgotten');

-- plans over transactions
CREATE FUNCTION life.plan(i int) RETURNS int LANGUAGE plv8 AS
  $$ globalThis.p ??= plv8.prepare('SELECT $1::int + 1 AS x'); return p.execute([i])[0].x $$;
SELECT is(life.plan(1), 2, 'a plan in a global');
SELECT is(life.plan(2), 3, 'outlives its transaction');
CREATE FUNCTION life.cursor(open bool) RETURNS text LANGUAGE plv8 AS
  $$ if (open) { globalThis.c = plv8.prepare('SELECT 1 AS x').cursor(); return 'open' }
     try { return c.fetch().x } catch (e) { return e.sqlerrcode } $$;
SELECT is(life.cursor(true), 'open', 'a cursor');
SELECT is(life.cursor(false), '34000', 'does not');

CREATE FUNCTION life.deep(n int) RETURNS int LANGUAGE plv8 AS
  $$ return n === 0 ? 0 : 1 + plv8.execute('SELECT life.deep($1) AS d', [n - 1])[0].d $$;
SELECT is(life.deep(40), 40, 'plv8 in SQL in plv8, forty deep');

SELECT finish();
SET client_min_messages = warning;
DROP SCHEMA life CASCADE;
DROP TABLE seen, around, probed, probed2, probed3;
DROP ROLE plv8_alice;
DROP ROLE plv8_bob;
