// Compares the schemas of all nodes: what pg_dump writes of the database, and the
// roles, which pg_dump leaves out.
import { join } from 'node:path';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';
import { run_program } from '../../ts-src/cli/run_program.ts';
import type { HealthyNodes } from './cluster_nodes.ts';
import { no_prepared_transactions } from './same_everywhere.ts';

/** Those that were there before the cluster have salts of their own. */
const ROLES_OF_TESTS = '^schema_';
const ROLES = `
  SELECT to_jsonb(r) - 'oid' || jsonb_build_object(
    'member_of', (SELECT jsonb_agg(m.roleid::regrole::text ORDER BY 1)
                  FROM pg_auth_members AS m WHERE m.member = r.oid),
    'settings', (SELECT jsonb_agg(s.setconfig ORDER BY s.setdatabase)
                 FROM pg_db_role_setting AS s WHERE s.setrole = r.oid)) AS role
  FROM pg_authid AS r WHERE rolname ~ $1 ORDER BY rolname`;

/** Throws with the lines that differ. `roles`: which of them are compared. */
export async function same_schema_everywhere(
  nodes: HealthyNodes,
  roles = ROLES_OF_TESTS,
): Promise<void> {
  const clients = await all_ended(nodes.ids.map((node) => nodes.client(node)));
  try {
    await no_prepared_transactions(nodes.ids, clients);
    const found = await all_ended(clients.map((client) => roles_of(client, roles)));
    const dumps = await all_ended(nodes.ids.map((node) => dump_of(nodes.conninfo(node))));
    const complaints = nodes.ids.slice(1).flatMap((node, index) => [
      ...differences(node, dumps[0] ?? [], dumps[index + 1] ?? []),
      ...differences(node, found[0] ?? [], found[index + 1] ?? []),
    ]);
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
  } finally {
    await all_ended(clients.map((client) => client.end()));
  }
}

async function roles_of(client: pg.Client, pattern: string): Promise<string[]> {
  const { rows } = await client.query<{ role: unknown }>(ROLES, [pattern]);
  return rows.map(({ role }) => JSON.stringify(role));
}

export async function dump_of(conninfo: string): Promise<string[]> {
  const program = join(find_postgres().bindir, 'pg_dump');
  const dump = await run_program(program, ['--schema-only', `--dbname=${conninfo}`]);
  if (dump.code !== 0) throw new Error(`pg_dump failed: ${dump.stderr}`);
  return dump.stdout.split('\n').filter((line) => !/^(--|\\(un)?restrict|$)/.test(line));
}

function differences(node: number, first: string[], other: string[]): string[] {
  const here = new Set(first);
  const there = new Set(other);
  const complaints = [
    ...first.filter((line) => !there.has(line)).map((line) => `only on node 1: ${line}`),
    ...other.filter((line) => !here.has(line)).map((line) => `only on node ${node}: ${line}`),
  ];
  // the same lines in another order, or another number of times
  if (complaints.length === 0 && first.join('\n') !== other.join('\n')) {
    complaints.push(`node ${node} has the lines of node 1 in another order`);
  }
  return complaints;
}
