-- What is told of single transactions, and users' two-phase transactions over the nodes.
-- Statements outside of transaction blocks, since they prepare and decide.
SET client_min_messages = warning;
SELECT plan(19);

CREATE TABLE pgtap_accounts (id int PRIMARY KEY, balance int);

-- ---- a transaction of the cluster ---------------------------------------------------
INSERT INTO pgtap_accounts VALUES (1, 100);
SELECT ok(commits > 0, 'commits are counted') FROM mtm.get_cluster_state();
SELECT is_empty($$SELECT FROM mtm.get_trans_by_xid(2147483600)$$,
  'of an xid that nobody has there is nothing');
SELECT is(status, 'unknown', 'an outcome that the log does not reach is unknown')
  FROM mtm.get_trans_by_gid('MTM-1-500-1-1-1');
SELECT is(nodes, '{"1": "unknown", "2": "none", "3": "none"}', 'and no other node has it')
  FROM mtm.get_trans_by_gid('MTM-1-500-1-1-1');
SELECT is(status, 'unknown', 'so is one of the future')
  FROM mtm.get_trans_by_gid('MTM-1-999999999999-1-1-1');
SELECT is(status, 'committed', 'this node knows how its own ended')
  FROM mtm.get_trans_by_gid(format('MTM-1-%s-1-1-1',
    (SELECT xmin FROM pgtap_accounts WHERE id = 1)));
SELECT is_empty($$SELECT FROM mtm.get_trans_by_gid('no such name')$$,
  'a name that nobody uses is nothing');
SELECT is_empty('SELECT FROM mtm.get_trans_by_gid(NULL)', 'neither is null');

-- ---- a user's, committed ---------------------------------------------------------------
BEGIN;
INSERT INTO pgtap_accounts VALUES (2, 200);
PREPARE TRANSACTION 'pgtap one';
SELECT is(status, 'prepared', 'it is prepared') FROM mtm.get_trans_by_gid('pgtap one');
SELECT is(nodes, '{"1": "prepared", "2": "prepared", "3": "prepared"}', 'on all nodes')
  FROM mtm.get_trans_by_gid('pgtap one');
SELECT ok(twophase AND prepared AND local, 'by a user, and here')
  FROM mtm.get_trans_by_gid('pgtap one');
SELECT is(t.gid, 'pgtap one', 'its xid here finds it')
  FROM pg_prepared_xacts p, mtm.get_trans_by_xid(p.transaction::text::bigint) t
  WHERE p.gid = 'pgtap one';
SELECT is_empty('SELECT FROM mtm.in_doubt', 'it waits for its user: that is not in doubt');
COMMIT PREPARED 'pgtap one';
SELECT is(balance, 200, 'its row is there') FROM pgtap_accounts WHERE id = 2;
SELECT is_empty('SELECT FROM pg_prepared_xacts', 'nothing stays prepared');

-- ---- the same name again, rolled back -----------------------------------------------------
BEGIN;
INSERT INTO pgtap_accounts VALUES (3, 300);
PREPARE TRANSACTION 'pgtap one';
ROLLBACK PREPARED 'pgtap one';
SELECT is_empty('SELECT FROM pgtap_accounts WHERE id = 3', 'its row is not there');
SELECT is_empty('SELECT FROM pg_prepared_xacts', 'nothing stays prepared');
SELECT is_empty($$SELECT FROM mtm.get_trans_by_gid('pgtap one')$$, 'it is forgotten');

SELECT is(status, 'online', 'the node is still online') FROM mtm.status();
DROP TABLE pgtap_accounts;
SELECT * FROM finish();
