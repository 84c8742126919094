// Clients on all nodes run random transactions; what they did and were told is recorded.
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { disconnect } from '../../ts-src/cli/database_client.ts';
import { only, type HealthyNodes } from '../cluster/cluster_nodes.ts';
import { LoggedLoad } from '../cluster/logged_load.ts';
import { outcome_is_open } from '../cluster/outcome.ts';
import { no_prepared_transactions, same_everywhere } from '../cluster/same_everywhere.ts';
import { sqlstate } from '../cluster/schema_sessions.ts';
import { Random } from '../sim/random.ts';
import { operations_of, type Ask, type History, type Isolation, type Key, type Transaction } from './history.ts';
import { Keys, random_plan, type Step } from './plan.ts';
import { TABLES, attempt, execute, read } from './tables.ts';

export interface RecorderOptions {
  isolation: Isolation;
  seed: number;
  /** Made, with its tables; it must be new. */
  schema: string;
  clients_per_node: number;
  /** Where clients run; else on all nodes. */
  clients_on?: number[];
  /** What its sessions ask for, beyond the default. */
  asks?: Ask;
  lists?: number;
  registers?: number;
}

const ASKS: Record<Ask, string> = {
  applied: '-c multimaster.commit_level=applied',
  'causal reads': '-c multimaster.causal_reads=on',
};

const MOST_WRITES_OF_KEY = 60;

export class Recorder {
  private readonly transactions: Transaction[] = [];
  private readonly keys: Keys;
  private readonly randoms = new Map<number, Random>();
  private readonly load: LoggedLoad;
  private values = 0;

  private constructor(
    private readonly nodes: HealthyNodes,
    private readonly options: RecorderOptions,
  ) {
    const { lists = 20, registers = 10, clients_on = nodes.ids, clients_per_node } = options;
    this.keys = new Keys(lists, registers, MOST_WRITES_OF_KEY);
    const sessions = with_session_options(only(nodes, clients_on), options);
    this.load = new LoggedLoad(sessions, clients_per_node, (client, node, id) =>
      this.run(client, node, id),
    );
  }

  static async start(nodes: HealthyNodes, options: RecorderOptions): Promise<Recorder> {
    const { schema } = options;
    const client = await nodes.client(1, { options: `-c search_path=${schema}` });
    for (const statement of [`CREATE SCHEMA ${schema}`, ...TABLES]) await client.query(statement);
    await client.end();
    await same_everywhere(nodes, [`${schema}.lists`, `${schema}.registers`]);
    return new Recorder(nodes, options);
  }

  /** Until so many more have ended well. */
  progress(count: number): Promise<void> {
    return this.load.progress(count);
  }

  /** After the transaction of each client, when every node is at rest. */
  async end(): Promise<History> {
    await this.load.stop();
    const { nodes, transactions } = this;
    const { isolation, asks, schema } = this.options;
    const at_rest_options = { options: `-c search_path=${schema}` };
    const clients = await all_ended(nodes.ids.map((node) => nodes.client(node, at_rest_options)));
    try {
      // Twice: what one node was about to send may be prepared on one that was looked at before.
      for (let i = 0; i < 2; i++) await no_prepared_transactions(nodes.ids, clients);
      const keys = keys_of(transactions);
      const reads = await all_ended(clients.map((client) => read(client, keys)));
      const at_rest = nodes.ids.map((node, index) => ({ node, reads: reads[index]! }));
      return { isolation, ...(asks && { asks }), transactions, at_rest };
    } finally {
      await all_ended(clients.map(disconnect));
    }
  }

  private async run(client: pg.Client, node: number, id: number): Promise<void> {
    const random = this.random_of(id);
    const { isolation, asks } = this.options;
    // Causal reads at this level want a block.
    const blocks = asks === 'causal reads' && isolation === 'repeatable read';
    const plan = random_plan(random, this.keys, blocks);
    const transaction: Transaction = {
      name: `T${id}`,
      node,
      began_ms: performance.now(),
      statements: [],
      outcome: 'unknown',
      ended_ms: 0,
    };
    this.transactions.push(transaction);
    let asked = !plan.block;
    try {
      if (plan.block) await client.query('BEGIN');
      for (const step of plan.steps) await this.step(client, transaction, step);
      asked = !plan.rolls_back;
      if (plan.block) await client.query(asked ? 'COMMIT' : 'ROLLBACK');
      transaction.outcome = asked ? 'committed' : 'aborted';
    } catch (error) {
      transaction.outcome = asked && outcome_is_open(error) ? 'unknown' : 'aborted';
      transaction.code = sqlstate(error);
      // A connection that is gone says so again.
      if (plan.block) await client.query('ROLLBACK').catch(() => {});
      throw error;
    } finally {
      transaction.ended_ms = performance.now();
    }
  }

  private async step(client: pg.Client, transaction: Transaction, step: Step): Promise<void> {
    const value = ++this.values;
    const began_ms = performance.now();
    const end = (operations: ReturnType<typeof attempt>, ended_ms: number | null) =>
      transaction.statements.push({ began_ms, ended_ms, operations });
    try {
      end(await execute(client, step, value), performance.now());
    } catch (error) {
      end(attempt(step, value), outcome_is_open(error) ? null : performance.now());
      throw error;
    }
  }

  /** One for each client: its numbers are a million apart. */
  private random_of(id: number): Random {
    const client = Math.floor(id / 1_000_000);
    const random = this.randoms.get(client) ?? new Random(this.options.seed * 1_000 + client);
    this.randoms.set(client, random);
    return random;
  }
}

function keys_of(transactions: Transaction[]): Key[] {
  return [...new Set(transactions.flatMap(operations_of).map(({ key }) => key))];
}

function with_session_options(
  nodes: HealthyNodes,
  { isolation, schema, asks }: RecorderOptions,
): HealthyNodes {
  const level = isolation.replace(' ', '\\ ');
  const asked = asks === undefined ? '' : ASKS[asks];
  const own = `-c search_path=${schema} -c default_transaction_isolation=${level} ${asked}`;
  return {
    count: nodes.count,
    ids: nodes.ids,
    conninfo: (node) => nodes.conninfo(node),
    client: (node, options) => nodes.client(node, { ...options, options: own }),
  };
}
