// A session on every node, in a schema of the test file's own.
import type pg from 'pg';
import { expect } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { ClientOptions, HealthyNodes } from './cluster_nodes.ts';
import { no_prepared_transactions } from './same_everywhere.ts';

export class NodeSessions {
  private readonly more: pg.Client[] = [];

  private constructor(
    readonly nodes: HealthyNodes,
    private readonly schema: string,
    private readonly first: pg.Client[],
  ) {}

  static async open(nodes: HealthyNodes, schema: string): Promise<NodeSessions> {
    const options = session_options(schema);
    const first = await all_ended(nodes.ids.map((node) => nodes.client(node, options)));
    const sessions = new NodeSessions(nodes, schema, first);
    await sessions.on(1).query(`CREATE SCHEMA ${schema}`);
    return sessions;
  }

  async close(): Promise<void> {
    await this.on(1).query(`DROP SCHEMA ${this.schema} CASCADE`);
    await all_ended([...this.first, ...this.more].map((client) => client.end()));
  }

  on(node: number): pg.Client {
    const client = this.first[node - 1];
    if (client === undefined) throw new Error(`no session on node ${node}`);
    return client;
  }

  async another(node: number, options: ClientOptions = {}): Promise<pg.Client> {
    const client = await this.nodes.client(node, {
      ...options,
      ...session_options(this.schema),
    });
    this.more.push(client);
    return client;
  }

  /** Until every transaction has ended on every node. */
  async settled(still_prepared: string[] = []): Promise<void> {
    await no_prepared_transactions(this.nodes.ids, this.first, { still_prepared });
  }

  /** Every node gives these rows, as arrays of values. */
  async everywhere(query: string, rows: unknown[][], still_prepared: string[] = []) {
    await this.settled(still_prepared);
    for (const node of this.nodes.ids) {
      const result = await this.on(node).query({ text: query, rowMode: 'array' });
      expect(result.rows, `node ${node}: ${query}`).toEqual(rows);
    }
  }

  /** Runs statements that are not replicated, as a broken node would have. */
  async only_on(node: number, ...statements: string[]): Promise<void> {
    const client = await this.another(node);
    await client.query('SET multimaster.bypass = on');
    for (const statement of statements) await client.query(statement);
  }
}

function session_options(schema: string): ClientOptions {
  return { options: `-c search_path=${schema},public` };
}

/** The error with which a statement fails. */
export async function failure(
  client: pg.Client,
  statement: string,
  values?: unknown[],
): Promise<pg.DatabaseError> {
  try {
    await client.query(statement, values);
  } catch (error) {
    return error as pg.DatabaseError;
  }
  throw new Error(`this did not fail: ${statement}`);
}

/** The only value of the only row. */
export async function value(client: pg.Client, query: string, values: unknown[] = []) {
  const { rows } = await client.query({ text: query, values, rowMode: 'array' });
  const [row] = rows as unknown[][];
  return row?.[0];
}

/** SQLSTATEs of the notices that the client gets while `run` runs. */
export async function notices(client: pg.Client, run: () => Promise<unknown>) {
  const codes: (string | undefined)[] = [];
  const listener = (notice: { code?: string | undefined }) => codes.push(notice.code);
  client.on('notice', listener);
  try {
    await run();
  } finally {
    client.off('notice', listener);
  }
  return codes;
}
