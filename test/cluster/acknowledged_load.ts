// Clients that write while servers stop, crash and come back, and remember what they
// were told of every transaction.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { expect } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { HealthyNodes } from './cluster_nodes.ts';
import { outcome_is_open } from './outcome.ts';
import { same_everywhere } from './same_everywhere.ts';
import { sqlstate } from './schema_sessions.ts';

export const ENTRIES = [
  'CREATE TABLE entries (id int, node int)', // No key: one that is applied twice shows.
  'CREATE TABLE counters (node int PRIMARY KEY, n int)',
];

const RETRY_MS = 50;
/** Each client's numbers. */
const NUMBERS = 1_000_000;

export class AcknowledgedLoad {
  readonly acknowledged: number[] = [];
  readonly refused: number[] = [];
  readonly unknown: number[] = [];
  readonly refusals = new Map<string, number>();
  private goes_on = true;
  private clients: Promise<unknown>;

  constructor(
    private readonly nodes: HealthyNodes,
    clients_per_node: number,
  ) {
    const load = nodes.ids.flatMap((node) =>
      Array.from({ length: clients_per_node }, (_, n) =>
        this.write(node, (node * clients_per_node + n) * NUMBERS),
      ),
    );
    this.clients = all_ended(load);
  }

  async stop(): Promise<void> {
    this.goes_on = false;
    await this.clients;
  }

  /** Until so many more were acknowledged. */
  async progress(count: number): Promise<void> {
    const from = this.acknowledged.length;
    while (this.goes_on && this.acknowledged.length < from + count) await sleep(10);
  }

  private async write(node: number, first: number): Promise<void> {
    let client: pg.Client | null = null;
    let id = first;
    while (this.goes_on) {
      client ??= await this.nodes.client(node).catch(() => null);
      if (client === null) {
        await sleep(RETRY_MS);
        continue;
      }
      id++;
      client = await this.insert(client, node, id);
    }
    await client?.end();
  }

  /** The client, or null when its connection is gone. */
  private async insert(client: pg.Client, node: number, id: number): Promise<pg.Client | null> {
    try {
      await client.query(
        `INSERT INTO entries VALUES (${id}, ${node});
         UPDATE counters SET n = n + 1 WHERE node = ${node}`,
      );
      this.acknowledged.push(id);
      return client;
    } catch (error) {
      if (outcome_is_open(error)) {
        this.unknown.push(id);
        await client.end().catch(() => {});
        return null;
      }
      this.refused.push(id);
      const code = sqlstate(error);
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
      await sleep(RETRY_MS);
      return client;
    }
  }

  summary(): string {
    const refusals = [...this.refusals].map(([code, n]) => `${n} of ${code}`).join(', ');
    return (
      `${this.acknowledged.length} acknowledged, ${this.unknown.length} unknown, ` +
      `${this.refused.length} refused (${refusals})`
    );
  }

  /** What the clients were told is true, on every node; nothing stays prepared. */
  async check(): Promise<void> {
    await same_everywhere(this.nodes, ['entries', 'counters']);
    const client = await this.nodes.client(1);
    const { rows } = await client.query<{ id: number }>('SELECT id FROM entries');
    const counted = await client.query<{ n: string }>('SELECT sum(n) AS n FROM counters');
    await client.end();
    const there = new Set(rows.map((row) => row.id));
    expect(rows.length - there.size, 'entries that are there twice').toBe(0);
    expect(
      this.acknowledged.filter((id) => !there.has(id)),
      'acknowledged and lost',
    ).toEqual([]);
    expect(
      this.refused.filter((id) => there.has(id)),
      'refused and there',
    ).toEqual([]);
    expect(Number(counted.rows[0]?.n), 'updates').toBe(rows.length);
  }
}
