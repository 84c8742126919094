// What must hold on every node when a suite is over.
import type { LocalNodes } from '../cluster/local_nodes.ts';
import { same_everywhere } from '../cluster/same_everywhere.ts';
import { same_schema_everywhere } from '../cluster/schema_dump.ts';

/** PostgreSQL's suites name their roles so. */
const ROLES = '^regress';

const TABLES = `
  SELECT format('ONLY %I.%I', n.nspname, c.relname) AS name
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND c.relispopulated
    AND c.oid >= 16384 AND n.nspname <> 'mtm' AND n.nspname !~ '^pg_'
  ORDER BY 1`;

const CRASH = /PANIC: |was terminated by signal|TRAP: |crash of another server process/;

/** What is wrong; how many tables were compared. */
export async function node_complaints(nodes: LocalNodes): Promise<[string[], number]> {
  const complaints = await crashes(nodes);
  let compared = 0;
  await end_detaches(nodes);
  try {
    await same_schema_everywhere(nodes, ROLES);
  } catch (error) {
    complaints.push(`schemas differ:\n${(error as Error).message}`);
  }
  try {
    const tables = await table_names(nodes);
    compared = tables.length;
    await same_everywhere(nodes, tables);
  } catch (error) {
    complaints.push(`rows differ:\n${(error as Error).message}`);
  }
  return [complaints, compared];
}

/** The isolation suite leaves partitions that are being detached: there nodes may differ until that ends. */
async function end_detaches(nodes: LocalNodes): Promise<void> {
  const client = await nodes.client(1);
  try {
    const { rows } = await client.query<{ statement: string }>(
      "SELECT statement FROM mtm.unfinished_statements WHERE target LIKE 'partition %'",
    );
    for (const { statement } of rows) await client.query(`${statement} FINALIZE`);
  } finally {
    await client.end();
  }
}

async function table_names(nodes: LocalNodes): Promise<string[]> {
  const client = await nodes.client(1);
  try {
    const { rows } = await client.query<{ name: string }>(TABLES);
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

async function crashes(nodes: LocalNodes): Promise<string[]> {
  const complaints: string[] = [];
  for (const node of nodes.ids) {
    const line = (await nodes.logs(node)).split('\n').find((text) => CRASH.test(text));
    if (line !== undefined) complaints.push(`node ${node} crashed: ${line}`);
  }
  return complaints;
}
