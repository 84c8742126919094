// A constant load while a node stops and comes back: clients of this program, since pgbench
// gives a client up when its node is not online for a moment.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { connect, disconnect } from '../../ts-src/cli/database_client.ts';

const RETRY_MS = 20;

/** One transaction, which commits by itself. */
export type Transaction = (client: pg.Client) => Promise<unknown>;

export class CatchUpLoad {
  /** Time of each commit, ascending. */
  readonly commits_ms: number[] = [];
  failed = 0;
  private goes_on = true;

  private constructor(
    private readonly clients: pg.Client[],
    private readonly transaction: Transaction,
  ) {}

  static async start(
    config: pg.ClientConfig,
    count: number,
    transaction: Transaction,
  ): Promise<CatchUpLoad> {
    const clients = await all_ended(Array.from({ length: count }, () => connect(config)));
    const load = new CatchUpLoad(clients, transaction);
    load.running = all_ended(clients.map((client) => load.run(client)));
    load.running.catch(() => {}); // stop() has it.
    return load;
  }

  private running: Promise<unknown> = Promise.resolve();

  async stop(): Promise<void> {
    this.goes_on = false;
    await this.running;
    await all_ended(this.clients.map(disconnect));
  }

  /** Commits a second between two times. */
  tps(from_ms: number, to_ms: number): number {
    return (this.between(from_ms, to_ms).length * 1000) / (to_ms - from_ms);
  }

  /** The longest time without a commit. */
  longest_pause_ms(from_ms: number, to_ms: number): number {
    const times = [from_ms, ...this.between(from_ms, to_ms), to_ms];
    return Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time)));
  }

  private between(from_ms: number, to_ms: number): number[] {
    return this.commits_ms.filter((time) => time >= from_ms && time < to_ms);
  }

  private async run(client: pg.Client): Promise<void> {
    while (this.goes_on) {
      try {
        await this.transaction(client);
        this.commits_ms.push(Date.now());
      } catch {
        this.failed++;
        await sleep(RETRY_MS);
      }
    }
  }
}
