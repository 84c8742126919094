// A node is stopped under load, and comes back: how fast it reads what it missed, beside
// how fast the others commit meanwhile, and how much it slows them down.
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { log_file } from '../../ts-src/cli/cluster_record.ts';
import { Failure } from '../../ts-src/cli/failure.ts';
import { CatchUpLoad } from './catch_up_load.ts';
import { CpuSampler, add_use, cpu_by_kind, type CpuUse, type Sample } from './cpu_times.ts';
import { SCALE } from './pgbench.ts';
import { NODES, type Servers } from './servers.ts';

/** Of each stretch that is measured, but the catch-up itself. */
const STRETCH_MS = 8_000;
/** Not measured: after the start, and after a change of the members. */
const SETTLE_MS = 2_000;
const POLL_MS = 200;
/** Longer than it was away: it does not come back under this load. */
const PATIENCE = 6;

const ACCOUNTS = 100_000 * SCALE;
const UPDATE = {
  name: 'update',
  text: 'UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = $1',
};
const [ENTRY = 1, , AWAY = 3] = NODES;

/** What the node that comes back says. */
interface Look {
  at_ms: number;
  status: string;
  /** null: it does not read yet. */
  left_bytes: number | null;
  /** The end of the entry node's WAL. */
  written: number;
}

export interface CatchUp {
  clients: number;
  away_s: number;
  /** Commits a second: of three nodes, of two, of two while the third reads, of three again. */
  tps: { before: number; away: number; reading: number; after: number };
  /** The longest times without a commit: when it left, while it read and was taken in. */
  pauses_ms: { leaving: number; coming_back: number };
  missed_bytes: number;
  /** From its start until it read, and until it was online. */
  start_s: number;
  reading_s: number;
  caught_up: boolean;
  read: { bytes_per_s: number; transactions_per_s: number };
  written: { bytes_per_s: number };
  failed: number;
  /** Of the node that reads, by kind of process, while it read. */
  cpu: Map<string, CpuUse>;
}

/** Roughly: it reads faster than it missed. */
export function expected_catch_up_seconds({ away }: { away: number }): number {
  return away === 0 ? 0 : 2 * away + (2 * STRETCH_MS + 3 * SETTLE_MS) / 1000;
}

export async function measure_catch_up(
  servers: Servers,
  clients: number,
  away_s: number,
  say: (text: string) => void,
): Promise<CatchUp> {
  const load = await CatchUpLoad.start(servers.client_config(ENTRY), clients, (client) =>
    client.query({ ...UPDATE, values: [1 + Math.floor(Math.random() * ACCOUNTS)] }),
  );
  try {
    say('with all nodes');
    await sleep(SETTLE_MS);
    const before = await stretch(load, STRETCH_MS);
    say('one is away');
    const left_ms = Date.now();
    await servers.cluster.stop(AWAY);
    await without_it(servers);
    const gone_ms = Date.now();
    await sleep(SETTLE_MS);
    const away = await stretch(load, Math.max(STRETCH_MS, away_s * 1000));
    say('it comes back');
    const started_ms = Date.now();
    await servers.cluster.start(AWAY);
    const { looks, samples } = await come_back(servers, PATIENCE * away_s * 1000, say);
    const reads = looks.filter(({ left_bytes }) => left_bytes !== null);
    const [first, last] = [reads[0], reads.at(-1)];
    const end = looks.at(-1);
    if (first === undefined || last === undefined || end === undefined) {
      throw new Failure('not_online', 'the node came back without anything to read: let it be away longer');
    }
    const caught_up = end.status === 'online';
    await sleep(SETTLE_MS);
    const after = caught_up ? await stretch(load, STRETCH_MS) : NaN;
    const reading_s = (end.at_ms - first.at_ms) / 1000;
    const missed_bytes = first.left_bytes ?? 0;
    const written_bytes = end.written - first.written;
    const read_bytes = missed_bytes + written_bytes - (caught_up ? 0 : (last.left_bytes ?? 0));
    return {
      clients,
      away_s: (started_ms - gone_ms) / 1000,
      tps: { before, away, reading: load.tps(first.at_ms, end.at_ms), after },
      pauses_ms: {
        leaving: load.longest_pause_ms(left_ms, gone_ms + SETTLE_MS),
        coming_back: load.longest_pause_ms(started_ms, end.at_ms + SETTLE_MS),
      },
      missed_bytes,
      start_s: (first.at_ms - started_ms) / 1000,
      reading_s,
      caught_up,
      read: {
        bytes_per_s: read_bytes / reading_s,
        transactions_per_s: caught_up ? recovered(servers) / reading_s : NaN,
      },
      written: { bytes_per_s: written_bytes / reading_s },
      failed: load.failed,
      cpu: cpu_while(samples, first.at_ms, end.at_ms),
    };
  } finally {
    await load.stop();
  }
}

async function stretch(load: CatchUpLoad, ms: number): Promise<number> {
  const from_ms = Date.now();
  await sleep(ms);
  return load.tps(from_ms, Date.now());
}

async function without_it(servers: Servers): Promise<void> {
  const goes_on = `SELECT FROM mtm.status() WHERE status = 'online' AND NOT ${AWAY} = ANY (gen_members)`;
  while ((await servers.query(ENTRY, goes_on)).length === 0) await sleep(POLL_MS);
}

async function come_back(servers: Servers, patience_ms: number, say: (text: string) => void) {
  const looks: Look[] = [];
  const samples: Sample[] = [];
  const sampler = new CpuSampler([servers.pid(AWAY)]);
  const deadline_ms = Date.now() + patience_ms;
  while (looks.at(-1)?.status !== 'online' && Date.now() < deadline_ms) {
    const look = await look_at(servers);
    looks.push(look);
    samples.push(sampler.take());
    if (look.left_bytes !== null) say(`${(look.left_bytes / 1024 / 1024).toFixed(1)} MB left`);
    await sleep(POLL_MS);
  }
  return { looks, samples };
}

async function look_at(servers: Servers): Promise<Look> {
  const own = `SELECT status, recovery_lag FROM mtm.get_nodes_state() WHERE id = ${AWAY}`;
  const [[state], [wal]] = await Promise.all([
    servers.query(AWAY, own),
    servers.query(ENTRY, "SELECT mtm.wal_position() - '0/0' AS written"),
  ]);
  const left = state?.['recovery_lag'] as string | null | undefined;
  return {
    at_ms: Date.now(),
    status: String(state?.['status']),
    left_bytes: left === null || left === undefined ? null : Number(left),
    written: Number(wal?.['written']),
  };
}

/** Transactions of the last recovery, as the node's log says. */
function recovered(servers: Servers): number {
  const log = readFileSync(log_file(servers.dir, AWAY), 'utf8');
  const counts = [...log.matchAll(/recovery from node \d+ is complete: (\d+) transactions/g)];
  return Number(counts.at(-1)?.[1] ?? NaN);
}

function cpu_while(samples: Sample[], from_ms: number, to_ms: number): Map<string, CpuUse> {
  const used = samples.filter((sample) => sample.from_ms >= from_ms && sample.to_ms <= to_ms);
  const trees = used.map(({ trees }) => trees[0]).filter((tree) => tree !== undefined);
  const kinds = new Map<string, CpuUse>();
  if (trees.length < 2) return kinds;
  for (const [kind, use] of cpu_by_kind(trees)) add_use(kinds, kind, use);
  return kinds;
}
