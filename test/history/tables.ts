// Lists and registers as tables, and the statements of a transaction.
import type pg from 'pg';
import type { Key, Operation, Read, Value, Version } from './history.ts';
import type { Step } from './plan.ts';

export const TABLES = [
  'CREATE TABLE lists (key int PRIMARY KEY, items int[] NOT NULL)',
  // replaced: what the value replaced. So the rows tell in which order they were written.
  'CREATE TABLE registers (key int PRIMARY KEY, value int NOT NULL, replaced int)',
];

const READ = `
  SELECT 'list ' || key AS key, items, NULL::int AS value, NULL::int AS replaced
  FROM lists WHERE key = ANY ($1)
  UNION ALL
  SELECT 'register ' || key, NULL, value, replaced FROM registers WHERE key = ANY ($2)`;

const APPEND = `
  INSERT INTO lists AS l VALUES ($1, ARRAY[$2::int])
  ON CONFLICT (key) DO UPDATE SET items = l.items || $2::int`;

const WRITE = `
  INSERT INTO registers AS r VALUES ($1, $2, NULL)
  ON CONFLICT (key) DO UPDATE SET value = $2, replaced = r.value
  RETURNING replaced`;

interface Row {
  key: Key;
  items: Value[] | null;
  value: Version;
  replaced: Version;
}

/** What is done even where no answer comes. */
export function attempt(step: Step, value: Value): Operation[] {
  if (step.does === 'read') return [];
  return [{ does: step.does, key: step.key, value }];
}

export async function execute(client: pg.Client, step: Step, value: Value): Promise<Operation[]> {
  if (step.does === 'read') return read(client, step.keys);
  const { key } = step;
  if (step.does === 'append') {
    await client.query(APPEND, [number_of(key), value]);
    return attempt(step, value);
  }
  const { rows } = await client.query<{ replaced: Version }>(WRITE, [number_of(key), value]);
  return [{ does: 'write', key, value, over: rows[0]!.replaced }];
}

/** In one statement; a key without a row is one that nobody has written. */
export async function read(client: pg.Client, keys: Key[]): Promise<Read[]> {
  const of_kind = (kind: string) => keys.filter((key) => key.startsWith(kind));
  const numbers = [of_kind('list'), of_kind('register')].map((some) => some.map(number_of));
  const { rows } = await client.query<Row>(READ, numbers);
  const found = new Map(rows.map((row) => [row.key, row]));
  return keys.map((key): Read => {
    const row = found.get(key);
    if (key.startsWith('list')) return { does: 'read list', key, items: row?.items ?? [] };
    return {
      does: 'read register',
      key,
      value: row?.value ?? null,
      over: row?.replaced ?? null,
    };
  });
}

function number_of(key: Key): number {
  return Number(key.split(' ')[1]);
}
