// Compares the tables of all nodes row by row, once every distributed transaction
// has ended on all of them.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { HealthyNodes } from './cluster_nodes.ts';

/** A limit against waiting for ever: nothing healthy comes near it. */
const QUIET_TIMEOUT_MS = 120_000;
const POLL_INTERVAL_MS = 50;
const ROWS_SHOWN = 10;
const MOST_ROWS_COMPARED = 1_000_000;

export interface QuietOptions {
  /** gids that a test left prepared on purpose. */
  still_prepared?: string[];
  timeout_ms?: number;
}

/** Throws where the nodes differ, and names rows that do. Tables are SQL names. */
export async function same_everywhere(
  nodes: HealthyNodes,
  tables: string[],
  options: QuietOptions = {},
): Promise<void> {
  const clients = await all_ended(nodes.ids.map((node) => nodes.client(node)));
  try {
    await no_prepared_transactions(nodes.ids, clients, options);
    const complaints: string[] = [];
    for (const table of tables) {
      complaints.push(...(await compare(nodes.ids, clients, table)));
    }
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
  } finally {
    await all_ended(clients.map((client) => client.end()));
  }
}

export async function no_prepared_transactions(
  ids: number[],
  clients: pg.Client[],
  options: QuietOptions = {},
): Promise<void> {
  const { still_prepared = [], timeout_ms = QUIET_TIMEOUT_MS } = options;
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    const left = await all_ended(
      clients.map((client) => prepared_gids(client, still_prepared)),
    );
    if (left.every((gids) => gids.length === 0)) return;
    if (Date.now() > deadline) {
      const text = ids.map((id, index) => `node ${id}: ${left[index]?.join(', ')}`);
      throw new Error(`transactions stay prepared: ${text.join('; ')}`);
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

async function prepared_gids(client: pg.Client, except: string[]): Promise<string[]> {
  const { rows } = await client.query<{ gid: string }>(
    'SELECT gid FROM pg_prepared_xacts WHERE gid <> ALL ($1) ORDER BY gid',
    [except],
  );
  return rows.map((row) => row.gid);
}

interface TableDigest {
  count: string;
  digest: string | null;
}

async function compare(
  ids: number[],
  clients: pg.Client[],
  table: string,
): Promise<string[]> {
  const digests = await all_ended(clients.map((client) => digest_of(client, table)));
  const [first, ...others] = digests;
  const [first_client, ...other_clients] = clients;
  if (first === undefined || first_client === undefined) return [];
  const complaints: string[] = [];
  for (const [index, other] of others.entries()) {
    const client = other_clients[index];
    if (client === undefined || same_digest(first, other)) continue;
    const rows = await differing_rows(first_client, client, table);
    complaints.push(
      `${table}: node ${ids[0]} has ${first.count} rows, node ${ids[index + 1]} has ` +
        `${other.count}; ${rows.join('; ')}`,
    );
  }
  return complaints;
}

function same_digest(one: TableDigest, other: TableDigest): boolean {
  return one.count === other.count && one.digest === other.digest;
}

/** Each row's own digest is short, so that big tables fit into the aggregate. */
async function digest_of(client: pg.Client, table: string): Promise<TableDigest> {
  const { rows } = await client.query<TableDigest>(
    `SELECT count(*)::text AS count,
            md5(string_agg(row_digest, '' ORDER BY row_digest)) AS digest
     FROM (SELECT md5((t.*)::text) AS row_digest FROM ${table} AS t) AS rows`,
  );
  const [digest] = rows;
  if (digest === undefined) throw new Error(`${table} gave no digest`);
  return digest;
}

async function differing_rows(
  one: pg.Client,
  other: pg.Client,
  table: string,
): Promise<string[]> {
  const [size] = (await one.query<{ count: string }>(`SELECT count(*) FROM ${table}`)).rows;
  if (Number(size?.count) > MOST_ROWS_COMPARED) return ['too many rows to name them'];
  const [here, there] = await all_ended([rows_of(one, table), rows_of(other, table)]);
  if (here === undefined || there === undefined) return [];
  return [
    ...surplus(here, there).map((row) => `only on the first: ${row}`),
    ...surplus(there, here).map((row) => `only on the second: ${row}`),
  ];
}

async function rows_of(client: pg.Client, table: string): Promise<Map<string, number>> {
  const { rows } = await client.query<{ line: string; copies: string }>(
    `SELECT (t.*)::text AS line, count(*)::text AS copies FROM ${table} AS t GROUP BY 1`,
  );
  return new Map(rows.map((row) => [row.line, Number(row.copies)]));
}

function surplus(rows: Map<string, number>, than: Map<string, number>): string[] {
  const more = [...rows].filter(([line, copies]) => copies > (than.get(line) ?? 0));
  return more.slice(0, ROWS_SHOWN).map(([line]) => line);
}
