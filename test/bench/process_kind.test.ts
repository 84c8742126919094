// Titles of processes as ps shows them, and the same processes in pg_stat_activity.
import { expect, test } from 'vitest';
import { kind_of_activity, kind_of_title } from './process_kind.ts';

test.each([
  ['/usr/lib/postgresql/15/bin/postgres', 'postmaster'],
  ['postgres: checkpointer ', 'checkpointer'],
  ['postgres: startup recovering 000000010000000000000003', 'startup'],
  ['postgres: walreceiver streaming 0/3000148', 'walreceiver'],
  ['postgres: multimaster apply worker apply worker', 'multimaster apply worker'],
  ['postgres: multimaster lane 3 of node 2 lane 2/3', 'multimaster lane'],
  ['postgres: multimaster receiver from node 3 receiver 3', 'multimaster receiver'],
  ['postgres: walsender multimaster 127.0.0.1(46388) START_REPLICATION', 'walsender'],
  [
    'postgres: multimaster app 127.0.0.1(46396) multimaster link from node 2',
    'multimaster link receiver',
  ],
  ['postgres: multimaster app 127.0.0.1(46396) SELECT', "a peer's query"],
  ['postgres: postgres app 127.0.0.1(46396) COMMIT', 'client backend'],
  ['postgres: postgres app [local] idle', 'client backend'],
])('%s', (title, kind) => expect(kind_of_title(title)).toBe(kind));

test.each([
  ['multimaster lane', 'multimaster lane 2/3', 'multimaster lane'],
  ['walsender', 'multimaster receiver 1', 'walsender'],
  ['client backend', 'multimaster link 3', 'multimaster link receiver'],
  ['client backend', 'pgbench', 'client backend'],
])('%s, application_name %s', (type, name, kind) =>
  expect(kind_of_activity(type, name)).toBe(kind),
);
