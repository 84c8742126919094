// `make big`: one transaction of ten million rows, inserted, then updated, then deleted:
// how long it takes, and the most memory and disk that each server's processes needed.
// ROWS in the environment says how many.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { data_dir } from '../../ts-src/cli/cluster_record.ts';
import { server_pid } from '../../ts-src/cli/node_server.ts';
import { progress_for } from '../../ts-src/cli/progress.ts';
import { LocalNodes } from '../cluster/local_nodes.ts';
import { no_prepared_transactions } from '../cluster/same_everywhere.ts';
import { machine_line } from './machine.ts';
import { left, markdown_table, right } from './markdown_table.ts';
import { MemorySampler } from './process_memory.ts';

const ROWS = Number(process.env['ROWS'] || 10_000_000);
const SAMPLE_MS = 200;
const MB = 1024;
/** A process that stayed below is not worth a line. */
const LEAST_KB = 20 * MB;
/** Where a transaction waits on disk, in a node's folder. */
const FOLDERS = ['pg_mtm/spill', 'pg_replslot'];

const TRANSACTIONS: [name: string, statement: string][] = [
  ['INSERT', `INSERT INTO big SELECT n, 'row number ' || n, 0 FROM generate_series(1, ${ROWS}) n`],
  ['UPDATE', 'UPDATE big SET n = id % 10'],
  ['DELETE', 'DELETE FROM big WHERE n < 9'],
];
const DIGEST = `
  SELECT count(*) || ' rows, ' || coalesce(sum(hashtextextended(b::text, 0)::numeric), 0) AS digest
  FROM big AS b`;

interface Measured {
  name: string;
  client_s: number;
  everywhere_s: number;
  memory: MemorySampler;
  /** By node, bytes. */
  disk: number[];
}

async function main(): Promise<void> {
  const progress = progress_for(process.stderr);
  const nodes = await progress.step('start three nodes', () =>
    LocalNodes.start({ settings: { max_wal_size: '8GB' } }),
  );
  try {
    const clients = await all_ended(nodes.ids.map((node) => nodes.client(node)));
    await first_of(clients).query('CREATE TABLE big (id int PRIMARY KEY, v text, n int)');
    const measured: Measured[] = [];
    for (const [name, statement] of TRANSACTIONS) {
      await progress.step(`${name} of ${ROWS} rows in one transaction`, async () => {
        measured.push(await measure(nodes, clients, name, statement));
      });
      await progress.step('compare the nodes', () => compare(clients));
    }
    await all_ended(clients.map((client) => client.end()));
    print(nodes, measured);
  } finally {
    await nodes.destroy();
  }
}

function first_of(clients: pg.Client[]): pg.Client {
  const [client] = clients;
  if (client === undefined) throw new Error('there is no node');
  return client;
}

async function measure(
  nodes: LocalNodes,
  clients: pg.Client[],
  name: string,
  statement: string,
): Promise<Measured> {
  const roots = nodes.ids.map((node) => server_pid(nodes.dir, node) ?? 0);
  const memory = new MemorySampler(roots);
  const disk = nodes.ids.map(() => 0);
  let goes_on = true;
  const sampling = (async () => {
    while (goes_on) {
      memory.take();
      for (const [index, node] of nodes.ids.entries()) {
        disk[index] = Math.max(disk[index] ?? 0, waiting_on_disk(nodes.dir, node));
      }
      await sleep(SAMPLE_MS);
    }
  })();
  try {
    const start = Date.now();
    await first_of(clients).query(statement);
    const client_s = (Date.now() - start) / 1000;
    await no_prepared_transactions(nodes.ids, clients, { timeout_ms: 3_600_000 });
    return { name, client_s, everywhere_s: (Date.now() - start) / 1000, memory, disk };
  } finally {
    goes_on = false;
    await sampling;
  }
}

function waiting_on_disk(dir: string, node: number): number {
  let bytes = 0;
  for (const folder of FOLDERS) {
    const path = join(data_dir(dir, node), folder);
    try {
      for (const file of readdirSync(path, { recursive: true })) {
        bytes += statSync(join(path, String(file)), { throwIfNoEntry: false })?.size ?? 0;
      }
    } catch {
      // The folder is made when it is needed.
    }
  }
  return bytes;
}

async function compare(clients: pg.Client[]): Promise<void> {
  const digests = await all_ended(
    clients.map(async (client) => (await client.query(DIGEST)).rows[0]?.digest),
  );
  if (new Set(digests).size !== 1) throw new Error(`nodes differ: ${digests.join('; ')}`);
}

function print(nodes: LocalNodes, measured: Measured[]): void {
  const megabytes = (kb: number) => String(Math.round(kb / MB));
  const rows = measured.flatMap(({ name, client_s, everywhere_s, memory, disk }) =>
    nodes.ids.flatMap((node, index) => {
      const peaks = [...(memory.peaks[index]?.values() ?? [])]
        .filter((peak) => peak.anonymous_kb >= LEAST_KB)
        .sort((one, other) => other.anonymous_kb - one.anonymous_kb);
      const server = [
        name,
        client_s.toFixed(0),
        everywhere_s.toFixed(0),
        String(node),
        megabytes((disk[index] ?? 0) / 1024),
      ];
      return peaks.map((peak, line) => [
        ...(line === 0 ? server : ['', '', '', '', '']),
        peak.kind,
        megabytes(peak.anonymous_kb),
        megabytes(peak.resident_kb),
      ]);
    }),
  );
  const columns = [
    left('transaction'),
    right('client, s'),
    right('everywhere, s'),
    right('node'),
    right('on disk, MB'),
    left('process'),
    right('own memory, MB'),
    right('with shared, MB'),
  ];
  process.stdout.write(`${ROWS} rows\n\n${machine_line()}\n\n${markdown_table(columns, rows)}\n`);
}

await main();
