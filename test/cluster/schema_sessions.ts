// A session on each node, for tests that run statements and look at what all nodes have.
import type pg from 'pg';
import { expect } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { HealthyNodes } from './cluster_nodes.ts';
import { no_prepared_transactions } from './same_everywhere.ts';

export class SchemaSessions {
  private used_last = 0;

  private constructor(
    readonly nodes: HealthyNodes,
    private readonly clients: pg.Client[],
    /** Beside the sessions of the tests, which may be in a transaction. */
    private readonly observers: pg.Client[],
  ) {}

  static async open(nodes: HealthyNodes): Promise<SchemaSessions> {
    const clients = await all_ended(nodes.ids.map((node) => nodes.client(node)));
    const observers = await all_ended(nodes.ids.map((node) => nodes.client(node)));
    return new SchemaSessions(nodes, clients, observers);
  }

  async close(): Promise<void> {
    await all_ended([...this.clients, ...this.observers].map((client) => client.end()));
  }

  /** Until every node has executed what was committed. */
  async settled(): Promise<void> {
    await no_prepared_transactions(this.nodes.ids, this.observers);
  }

  /** What was committed on another node must be visible here before. */
  private async turn_to(node: number): Promise<void> {
    if (this.used_last !== node && this.used_last !== 0) await this.settled();
    this.used_last = node;
  }

  on(node: number): pg.Client {
    const client = this.clients[node - 1];
    if (client === undefined) throw new Error(`no session on node ${node}`);
    return client;
  }

  /** Statements, each its own transaction unless there are BEGIN and COMMIT. */
  async run(node: number, ...statements: string[]): Promise<void> {
    await this.turn_to(node);
    for (const statement of statements) {
      try {
        await this.on(node).query(statement);
      } catch (error) {
        await this.on(node).query('ROLLBACK');
        throw new Error(`node ${node}, "${statement}": ${describe_error(error)}`);
      }
    }
  }

  /** The SQLSTATE with which the statement fails; its open block is ended. */
  async failure(node: number, ...statements: string[]): Promise<string> {
    await this.turn_to(node);
    try {
      for (const statement of statements) await this.on(node).query(statement);
    } catch (error) {
      await this.on(node).query('ROLLBACK');
      return sqlstate(error);
    }
    await this.on(node).query('ROLLBACK');
    return 'no error';
  }

  /** The first column of every row, as text. */
  async column(node: number, query: string): Promise<string[]> {
    const { rows } = await this.on(node).query({ text: query, rowMode: 'array' });
    return rows.map((row: unknown[]) => String(row[0]));
  }

  /** Until what was committed on any node is executed, and so visible, on all. */
  quiet(): Promise<void> {
    return no_prepared_transactions(this.nodes.ids, this.clients);
  }

  /** Every node gives these rows (first column), once nothing is prepared any more. */
  async all_give(query: string, expected: string[]): Promise<void> {
    await this.quiet();
    for (const node of this.nodes.ids) {
      expect(await this.column(node, query), `node ${node}: ${query}`).toEqual(expected);
    }
  }
}

export function sqlstate(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}

function describe_error(error: unknown): string {
  const { message, code, detail } = error as pg.DatabaseError;
  return [code, message, detail].filter(Boolean).join(': ');
}
