// Clients on every node that write while servers stop, crash and come back, and
// remember what they were told of every transaction by its number.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { disconnect } from '../../ts-src/cli/database_client.ts';
import type { HealthyNodes } from './cluster_nodes.ts';
import { outcome_is_open } from './outcome.ts';
import { sqlstate } from './schema_sessions.ts';

const RETRY_MS = 50;
const CONNECT_TIMEOUT_MS = 5_000;
/** Each client's numbers. */
const NUMBERS = 1_000_000;

/** One transaction; it throws what the client was told. */
export type Write = (client: pg.Client, node: number, id: number) => Promise<unknown>;

/** An acknowledged transaction: when it began, and when its client knew. */
export type Listener = (node: number, began_ms: number, known_ms: number) => void;

export class LoggedLoad {
  readonly acknowledged: number[] = [];
  readonly refused: number[] = [];
  readonly unknown: number[] = [];
  /** By SQLSTATE. */
  readonly refusals = new Map<string, number>();
  readonly listeners = new Set<Listener>();
  private goes_on = true;
  private clients: Promise<unknown> = Promise.resolve();
  private readonly last_ids: number[];

  constructor(
    protected readonly nodes: HealthyNodes,
    private readonly clients_per_node: number,
    private readonly write: Write,
  ) {
    const count = nodes.count * clients_per_node;
    this.last_ids = Array.from({ length: count }, (_, index) => (index + 1) * NUMBERS);
    this.go_on();
  }

  go_on(): void {
    this.goes_on = true;
    const clients = this.nodes.ids.flatMap((node) =>
      Array.from({ length: this.clients_per_node }, (_, n) =>
        this.run(node, (node - 1) * this.clients_per_node + n),
      ),
    );
    this.clients = all_ended(clients);
  }

  /** After the transaction of each client. */
  async stop(): Promise<void> {
    this.goes_on = false;
    await this.clients;
  }

  /** Until so many more were acknowledged. */
  async progress(count: number): Promise<void> {
    const from = this.acknowledged.length;
    while (this.goes_on && this.acknowledged.length < from + count) await sleep(10);
  }

  summary(): string {
    const refusals = [...this.refusals].map(([code, n]) => `${n} of ${code}`).join(', ');
    return (
      `${this.acknowledged.length} acknowledged, ${this.unknown.length} unknown, ` +
      `${this.refused.length} refused (${refusals})`
    );
  }

  /** What the clients were told and is not so, where these are there. */
  complaints(ids: number[]): string[] {
    const there = new Set(ids);
    const wrong: string[] = [];
    const complain = (what: string, some: number[]) => {
      if (some.length > 0) wrong.push(`${what}: ${some.join(', ')}`);
    };
    if (there.size < ids.length) complain('there twice', twice(ids));
    complain('acknowledged and lost', this.acknowledged.filter((id) => !there.has(id)));
    complain('refused and there', this.refused.filter((id) => there.has(id)));
    return wrong;
  }

  private async run(node: number, index: number): Promise<void> {
    let client: pg.Client | null = null;
    while (this.goes_on) {
      client ??= await this.nodes
        .client(node, { connect_timeout_ms: CONNECT_TIMEOUT_MS })
        .catch(() => null);
      if (client === null) {
        await sleep(RETRY_MS);
        continue;
      }
      const id = (this.last_ids[index] ?? 0) + 1;
      this.last_ids[index] = id;
      client = await this.transact(client, node, id);
    }
    if (client !== null) await disconnect(client);
  }

  /** The client, or null when its connection is gone. */
  private async transact(client: pg.Client, node: number, id: number): Promise<pg.Client | null> {
    const began_ms = Date.now();
    try {
      await this.write(client, node, id);
      this.acknowledged.push(id);
      for (const listen of this.listeners) listen(node, began_ms, Date.now());
      return client;
    } catch (error) {
      if (outcome_is_open(error)) {
        this.unknown.push(id);
        await disconnect(client);
        return null;
      }
      this.refused.push(id);
      const code = sqlstate(error);
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
      await sleep(RETRY_MS);
      return client;
    }
  }
}

function twice(ids: number[]): number[] {
  const seen = new Set<number>();
  return ids.filter((id) => seen.has(id) || !seen.add(id));
}
