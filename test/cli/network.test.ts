// The relay process of a proxied cluster, and the commands that disturb its network.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { REFEREE } from '../../ts-src/cli/cluster_record.ts';
import { down } from '../../ts-src/cli/down.ts';
import { cut, delay, heal, network_state, partition } from '../../ts-src/cli/network.ts';
import { is_alive } from '../../ts-src/cli/process_tree.ts';
import { silent } from '../../ts-src/cli/progress.ts';
import { relay_pid, relay_socket } from '../../ts-src/cli/relay_process.ts';
import { referee_port, relay_routes } from '../../ts-src/cli/relay_routes.ts';
import { run_program } from '../../ts-src/cli/run_program.ts';
import { start } from '../../ts-src/cli/start.ts';
import { cluster_report, report_table } from '../../ts-src/cli/status.ts';
import { plain_cluster, type PlainCluster } from './plain_cluster.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let plain: PlainCluster;
const cluster = () => plain.cluster;

beforeAll(async () => {
  const built = await run_program('make', ['-s', '-C', ROOT, 'out/cli.mjs']);
  expect(built.code, built.stderr).toBe(0);
  plain = await plain_cluster(2, { proxy: true });
});
afterAll(() => plain?.destroy());

/** As node `from` reaches node `to`. */
async function ask(from: number, to: number): Promise<string> {
  const strings = cluster().conn_strings(from).split(', ');
  const psql = join(cluster().postgres.bindir, 'psql');
  const place = `${strings[to - 1]} connect_timeout=2`;
  const result = await run_program(psql, ['-XAtc', 'SELECT inet_server_port()', place]);
  return result.code === 0 ? result.stdout.trim() : 'no answer';
}

function running_relay(): number {
  const pid = relay_pid(cluster().dir);
  if (pid === null) throw new Error('the relay does not run');
  return pid;
}

async function disturbed() {
  const state = await network_state(cluster());
  if (state === null || 'error' in state) throw new Error(state?.error);
  return state.disturbed.map(({ from, to, cut: how, delay_ms }) => ({ from, to, how, delay_ms }));
}

test('nodes reach each other through ports of their own, and themselves directly', async () => {
  const [one, two] = [cluster().record.port, cluster().record.port + 1];
  expect(relay_routes(cluster().record)).toEqual([
    { from: 1, to: 2, port: two + 1, target: two },
    { from: 2, to: 1, port: two + 2, target: one },
  ]);
  expect(cluster().conn_strings(1)).toMatch(new RegExp(`port=${one} .*port=${two + 1} `));
  expect(cluster().conn_strings(2)).toMatch(new RegExp(`port=${two + 2} .*port=${two} `));
  expect([await ask(1, 2), await ask(2, 1)]).toEqual([String(two), String(one)]);
});

test('each node reaches the referee by a relay of its own, after all other ports', () => {
  const record = { format: 1, nodes: 2, port: 100, db: 'app', settings: {}, proxy: true } as const;
  const referee = referee_port(record);
  expect(referee).toBe(104);
  expect(relay_routes({ ...record, referee }).slice(2)).toEqual([
    { from: 1, to: REFEREE, port: 105, target: 104 },
    { from: 2, to: REFEREE, port: 106, target: 104 },
  ]);
  expect(referee_port({ ...record, proxy: false })).toBe(102);
});

test('the relay runs as the servers do, and others cannot reach it', async () => {
  const owner = statSync(`/proc/${running_relay()}`).uid;
  expect(owner).toBe(cluster().user.uid);
  expect(statSync(cluster().dir).mode & 0o777).toBe(0o700);
});

test('what is cut or late is told, and healed', async () => {
  await cut(cluster(), 1, 2, { one_way: true });
  expect(await disturbed()).toEqual([{ from: 1, to: 2, how: 'drop', delay_ms: 0 }]);
  const text = report_table(await cluster_report(cluster()));
  expect(text).toMatch(/from node 1 to node 2: everything is lost, \d+ bytes so far/);
  await heal(cluster());
  await partition(cluster(), [[1], [2]], { reset: true });
  expect(await ask(1, 2)).toBe('no answer');
  expect(await disturbed()).toHaveLength(2);
  await heal(cluster());
  await delay(cluster(), 1, 2, 1);
  expect(await disturbed()).toEqual([
    { from: 1, to: 2, how: 'no', delay_ms: 1 },
    { from: 2, to: 1, how: 'no', delay_ms: 1 },
  ]);
  expect(await ask(1, 2)).toBe(String(cluster().record.port + 1));
  await heal(cluster());
  expect(await disturbed()).toEqual([]);
});

test.each([
  [() => cut(cluster(), 1, 1), 'node 1 has no network to itself'],
  [() => cut(cluster(), 1, 3), 'there is no node 3'],
  [() => cut(cluster(), 1, REFEREE), 'has no referee'],
  [() => cut(cluster(), 1, 2, { one_way: true, reset: true }), 'leave out --one-way'],
  [() => partition(cluster(), [[1, 2]]), 'two groups or more'],
  [() => partition(cluster(), [[1, 2], [2]]), 'node 2 cannot be in two places'],
])('%s is refused', async (command, sentence) => {
  await expect(command()).rejects.toThrow(sentence);
});

test('a relay that was killed is missed, and start brings it back', async () => {
  process.kill(running_relay(), 'SIGKILL');
  while (relay_pid(cluster().dir) !== null) await sleep(10);
  await expect(heal(cluster())).rejects.toThrow(/relay .* does not run: "multimaster up"/);
  expect(report_table(await cluster_report(cluster()))).toMatch(/relay .* does not run/);
  await start(cluster().dir, 1, silent);
  expect(await ask(1, 2)).toBe(String(cluster().record.port + 1));
});

test('another process that got its pid is not taken for it', async () => {
  const pid = running_relay();
  expect(is_alive(pid)).toBe(true);
  const file = join(cluster().dir, 'relay.pid');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, `${process.pid} 1\n`);
  expect(relay_pid(cluster().dir)).toBeNull();
  writeFileSync(file, text);
  expect(relay_pid(cluster().dir)).toBe(pid);
});

test('down ends it; it ends by itself when its folder is gone', async () => {
  const first = running_relay();
  await down({ dir: cluster().dir }, silent);
  expect(is_alive(first)).toBe(false);
  expect(existsSync(relay_socket(cluster().dir))).toBe(false);
  await start(cluster().dir, 1, silent);
  const second = running_relay();
  await cluster().stop(1);
  cluster().remove();
  while (is_alive(second)) await sleep(50);
});
