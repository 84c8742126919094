// A load that shows inconsistency: clients on every node move money between accounts,
// each with an entry in a journal; readers on every node add everything up.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { HealthyNodes } from './cluster_nodes.ts';
import { sqlstate } from './schema_sessions.ts';

export const ACCOUNTS = 1000;
export const OPENING_BALANCE = 100;

/** What a client must expect when others write the same rows. */
const CONFLICTS = new Set(['40001', '40P01']);

export interface Tally {
  /** By node. */
  transfers: Map<number, number>;
  snapshots: Map<number, number>;
  /** By SQLSTATE. */
  conflicts: Map<string, number>;
  /** What must not be. */
  wrong: string[];
}

export const BANK = [
  'CREATE SCHEMA bank',
  'CREATE TABLE bank.accounts (id int PRIMARY KEY, balance int NOT NULL)',
  // id: of the client's own numbering, where it keeps a log.
  'CREATE TABLE bank.journal (source int, target int, amount int, node int, id int)',
  `INSERT INTO bank.accounts SELECT n, ${OPENING_BALANCE} FROM generate_series(1, ${ACCOUNTS}) n`,
];

/** Accounts whose balance is not what the journal makes it, and the total. */
export const AUDIT = `
  SELECT a.id || ': ' || a.balance FROM bank.accounts AS a
  WHERE balance <> ${OPENING_BALANCE}
    + (SELECT coalesce(sum(amount), 0) FROM bank.journal WHERE target = a.id)
    - (SELECT coalesce(sum(amount), 0) FROM bank.journal WHERE source = a.id)`;

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

const random = (below: number) => Math.floor(Math.random() * below);

/** In one statement or a block, in either isolation level. */
export function transfer(
  client: pg.Client,
  node: number,
  id: number | null = null,
): Promise<unknown> {
  const source = 1 + random(ACCOUNTS);
  const target = 1 + ((source + random(ACCOUNTS - 1)) % ACCOUNTS);
  const amount = 1 + random(10);
  const values = [source, target, amount, node, id ?? 'NULL'].join(', ');
  const entry = `INSERT INTO bank.journal VALUES (${values})`;
  const change = `UPDATE bank.accounts SET balance = balance +`;
  switch (random(3)) {
    case 0:
      return client.query(
        `WITH entry AS (${entry})
         ${change} CASE id WHEN ${source} THEN -${amount} ELSE ${amount} END
         WHERE id IN (${source}, ${target})`,
      );
    case 1:
      return client.query(
        `${change} -${amount} WHERE id = ${source}; ${change} ${amount} WHERE id = ${target}; ${entry}`,
      );
    default:
      return block(client, [
        `BEGIN ISOLATION LEVEL REPEATABLE READ`,
        `${change} ${amount} WHERE id = ${target}`,
        entry,
        `${change} -${amount} WHERE id = ${source}`,
        'COMMIT',
      ]);
  }
}

/** What a snapshot adds up to, where that is not what it must be. */
export async function wrong_sum(client: pg.Client): Promise<string | null> {
  const { rows } = await client.query<{ total: string; accounts: string }>(
    'SELECT sum(balance) AS total, count(*) AS accounts FROM bank.accounts',
  );
  const [sum] = rows;
  const right =
    Number(sum?.total) === ACCOUNTS * OPENING_BALANCE && Number(sum?.accounts) === ACCOUNTS;
  return right ? null : JSON.stringify(sum);
}

async function block(client: pg.Client, statements: string[]): Promise<void> {
  try {
    for (const statement of statements) await client.query(statement);
  } catch (error) {
    // A connection that is gone says so again.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

export async function run_bank(
  nodes: HealthyNodes,
  clients_per_node: number,
  duration_ms: number,
): Promise<Tally> {
  const bank = open_bank(nodes, clients_per_node);
  await sleep(duration_ms);
  return bank.close();
}

export interface Bank {
  /** After the transaction of each client. */
  close(): Promise<Tally>;
}

export function open_bank(nodes: HealthyNodes, clients_per_node: number): Bank {
  const tally: Tally = {
    transfers: new Map(),
    snapshots: new Map(),
    conflicts: new Map(),
    wrong: [],
  };
  let is_open = true;
  const goes_on = () => is_open && tally.wrong.length === 0;

  async function move_money(node: number): Promise<void> {
    const client = await nodes.client(node);
    while (goes_on()) {
      await transfer(client, node).then(
        () => count(tally.transfers, node),
        (error: pg.DatabaseError) => note(node, error),
      );
    }
    await client.end();
  }

  function note(node: number, error: pg.DatabaseError): void {
    const state = sqlstate(error);
    if (CONFLICTS.has(state)) count(tally.conflicts, state);
    else tally.wrong.push(`node ${node}: ${state} ${error.message} ${error.detail ?? ''}`);
  }

  async function add_up(node: number): Promise<void> {
    const client = await nodes.client(node);
    while (goes_on()) {
      const wrong = await wrong_sum(client);
      if (wrong === null) count(tally.snapshots, node);
      else tally.wrong.push(`node ${node} adds up to ${wrong}`);
    }
    await client.end();
  }

  const movers = nodes.ids.flatMap((node) =>
    Array.from({ length: clients_per_node }, () => move_money(node)),
  );
  const ended = all_ended([...movers, ...nodes.ids.map(add_up)]);
  ended.catch(() => {});
  return {
    async close() {
      is_open = false;
      await ended;
      return tally;
    },
  };
}
