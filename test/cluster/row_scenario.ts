// One way to write tests of replicated rows: statements on given nodes, then the same
// rows on all nodes, and these rows.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

export interface RowScenario {
  title: string;
  /** What is made before, on node 1. */
  create: string[];
  /** Node and statements, each a transaction unless there are BEGIN and COMMIT. */
  steps: [node: number, ...statements: string[]][];
  /** A query and what every node answers: first columns, as text. */
  gives: [query: string, rows: string[]][];
  /** Compared between the nodes at once, and again at the end of the file. */
  tables: string[];
}

/** All scenarios of a file run in the schema of that name. */
export function row_scenarios(schema: string, scenarios: RowScenario[]): void {
  let sessions: SchemaSessions;
  const compared: string[] = [];

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(1, `CREATE SCHEMA ${schema}`);
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, `SET search_path = ${schema}, public`);
    }
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, compared);
    await sessions.run(1, `DROP SCHEMA ${schema} CASCADE`);
    await sessions.close();
  });

  afterEach(async () => {
    // A step that failed may have left its transaction open.
    for (const node of sessions.nodes.ids) await sessions.run(node, 'ROLLBACK');
  });

  for (const scenario of scenarios) {
    test(scenario.title, () => run_scenario(scenario));
  }

  async function run_scenario({ create, steps, gives, tables }: RowScenario) {
    await sessions.run(1, ...create);
    for (const [node, ...statements] of steps) {
      await sessions.quiet();
      await sessions.run(node, ...statements);
    }
    const named = tables.map((table) => (table.startsWith('(') ? table : `${schema}.${table}`));
    compared.push(...named);
    await same_everywhere(sessions.nodes, named);
    expect(gives.length).toBeGreaterThan(0);
    for (const [query, rows] of gives) await sessions.all_give(query, rows);
  }
}
