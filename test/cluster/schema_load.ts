// A client on each node that changes the schema all the time.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { HealthyNodes } from './cluster_nodes.ts';
import { sqlstate } from './schema_sessions.ts';

/**
 * What may be said when a process or a connection is lost, or another transaction is in
 * the way; and what follows when a statement before was refused or its outcome open.
 */
const EXPECTED = /^(40001|40P01|57P0[123]|57014|08\w+|ECONN\w*|EPIPE|42P01|42P07|42701|23505)$/;

export class SchemaChanges {
  done = 0;
  readonly wrong: string[] = [];
  private goes_on = true;
  private readonly clients: Promise<unknown>;

  constructor(private readonly nodes: HealthyNodes) {
    this.clients = all_ended(nodes.ids.map((node) => this.change(node)));
  }

  async stop(): Promise<void> {
    this.goes_on = false;
    await this.clients;
  }

  private async change(node: number): Promise<void> {
    const table = `changing_${node}`;
    const statements = [
      `CREATE TABLE ${table} (id int PRIMARY KEY, v text)`,
      `INSERT INTO ${table} SELECT n, 'v' FROM generate_series(1, 10) n`,
      `ALTER TABLE ${table} ADD COLUMN w int DEFAULT 1; UPDATE ${table} SET w = 2`,
      `DROP TABLE ${table}`,
    ];
    while (this.goes_on) {
      for (const statement of statements) await this.run(node, statement);
    }
  }

  private async run(node: number, statement: string): Promise<void> {
    let client: pg.Client | null = null;
    try {
      client = await this.nodes.client(node);
      await client.query(statement);
      this.done++;
    } catch (error) {
      const state = sqlstate(error);
      const broken = (error as pg.DatabaseError).code === undefined;
      if (!broken && !EXPECTED.test(state)) {
        this.wrong.push(`node ${node}, "${statement}": ${state} ${(error as Error).message}`);
      }
      await sleep(20);
    } finally {
      await client?.end().catch(() => {});
    }
  }
}
