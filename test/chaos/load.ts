// The load of the campaign: money moves between accounts, single rows are written,
// every transaction with a number of its own; readers on all nodes add everything up.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { disconnect } from '../../ts-src/cli/database_client.ts';
import { AUDIT, BANK, transfer, wrong_sum } from '../cluster/bank_load.ts';
import { only, type HealthyNodes } from '../cluster/cluster_nodes.ts';
import { LoggedLoad } from '../cluster/logged_load.ts';
import { same_everywhere } from '../cluster/same_everywhere.ts';

const TABLES = [...BANK, 'CREATE TABLE bank.entries (id int, node int)'];
const CLIENTS_PER_NODE = 3;
const READ_EVERY_MS = 100;
const TIMEOUT_MS = 5_000;
const QUIET_TIMEOUT_MS = 90_000;

export class CampaignLoad extends LoggedLoad {
  /** Sums that were right, and what readers saw that must not be. */
  snapshots = 0;
  readonly wrong = new Set<string>();
  private reading = true;
  private readonly readers: Promise<unknown>;

  private constructor(
    private readonly all: HealthyNodes,
    with_clients: number[],
  ) {
    super(only(all, with_clients), CLIENTS_PER_NODE, (client, node, id) =>
      id % 3 === 0
        ? client.query(`INSERT INTO bank.entries VALUES (${id}, ${node})`)
        : transfer(client, node, id),
    );
    this.readers = all_ended(with_clients.map((node) => this.read(node)));
  }

  /** Nodes that come later have none of its clients, but are compared with the others. */
  static async start(nodes: HealthyNodes, with_clients: number[]): Promise<CampaignLoad> {
    const client = await nodes.client(1);
    for (const statement of TABLES) await client.query(statement);
    await client.end();
    await same_everywhere(nodes, ['bank.accounts']);
    return new CampaignLoad(nodes, with_clients);
  }

  async end(): Promise<void> {
    this.reading = false;
    await all_ended([this.stop(), this.readers]);
  }

  /** What is not as the clients were told, or not the same everywhere. They stand still. */
  async check(): Promise<string[]> {
    const tables = ['bank.accounts', 'bank.journal', 'bank.entries'];
    const differences = await same_everywhere(this.all, tables, {
      timeout_ms: QUIET_TIMEOUT_MS,
    }).then(
      () => [],
      (error: Error) => [error.message],
    );
    const client = await this.nodes.client(1);
    try {
      const { rows } = await client.query<{ id: number }>(
        'SELECT id FROM bank.journal UNION ALL SELECT id FROM bank.entries',
      );
      const audit = await client.query({ text: AUDIT, rowMode: 'array' });
      const balances = audit.rows.map((row: unknown[]) => `balance of account ${row[0]}`);
      return [...differences, ...this.complaints(rows.map((row) => row.id)), ...balances];
    } finally {
      await disconnect(client);
    }
  }

  private async read(node: number): Promise<void> {
    let client: pg.Client | null = null;
    const options = { connect_timeout_ms: TIMEOUT_MS, statement_timeout_ms: TIMEOUT_MS };
    while (this.reading) {
      client ??= await this.nodes.client(node, options).catch(() => null);
      try {
        const wrong = client === null ? null : await wrong_sum(client);
        if (wrong !== null) this.wrong.add(`node ${node} adds up to ${wrong}`);
        else if (client !== null) this.snapshots++;
      } catch {
        if (client !== null) await disconnect(client); // Not online, or gone.
        client = null;
      }
      await sleep(READ_EVERY_MS);
    }
    if (client !== null) await disconnect(client);
  }
}
