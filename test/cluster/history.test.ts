// Random transactions on all nodes at once: what their clients saw and were told is what
// docs/isolation.md claims. `make history` does more of it, and with faults.
import { describe, expect, test } from 'vitest';
import { as_one_node, check } from '../history/check.ts';
import { is_read, operations_of, version_read, type History } from '../history/history.ts';
import { Recorder, type RecorderOptions } from '../history/recorder.ts';
import { node_query } from './node_query.ts';
import { shared_cluster } from './shared_cluster.ts';

const SEED = Number(process.env['SEED'] || 1 + Math.floor(Math.random() * 1_000_000));
const ENOUGH = 80;

type Options = Pick<RecorderOptions, 'isolation' | 'asks' | 'clients_on'>;

async function recorded(schema: string, options: Options): Promise<History> {
  const nodes = shared_cluster();
  // A conflict of two nodes costs a second: so not too many of them.
  const busy = { clients_per_node: 2, lists: 60, registers: 30 };
  const recorder = await Recorder.start(nodes, { schema, seed: SEED, ...busy, ...options });
  await recorder.progress(ENOUGH);
  const history = await recorder.end();
  await node_query(nodes, 1, `DROP SCHEMA ${schema} CASCADE`);
  return history;
}

/** Nodes on which somebody read what was written on another one. */
function read_over_nodes({ transactions }: History): Set<number> {
  const written = new Map<string, number>();
  for (const { node, statements } of transactions) {
    for (const operation of statements.flatMap(({ operations }) => operations)) {
      if (!is_read(operation)) written.set(`${operation.key}=${operation.value}`, node);
    }
  }
  const from_elsewhere = transactions.filter((reader) =>
    operations_of(reader).filter(is_read).some((read) => {
      const writer = written.get(`${read.key}=${version_read(read)}`);
      return writer !== undefined && writer !== reader.node;
    }),
  );
  return new Set(from_elsewhere.map(({ node }) => node));
}

describe(`histories (SEED=${SEED})`, () => {
  const LEVELS = ['read committed', 'repeatable read'] as const;
  test.each(LEVELS)('of all nodes, at %s', async (isolation) => {
    const history = await recorded(`history_${isolation.replace(' ', '_')}`, { isolation });
    expect(check(history)).toEqual([]);
    expect(read_over_nodes(history)).toEqual(new Set(shared_cluster().ids));
  });

  const ASKING = [
    { isolation: 'read committed', asks: 'causal reads' },
    { isolation: 'repeatable read', asks: 'causal reads' },
    { isolation: 'repeatable read', asks: 'applied' },
  ] as const;
  test.each(ASKING)('in real time on all nodes, at $isolation with $asks', async (options) => {
    const history = await recorded('history_real_time', options);
    expect(check(history)).toEqual([]);
  });

  test('of one node are those of a PostgreSQL server', async () => {
    const history = await recorded('history_one_node', { isolation: 'repeatable read', clients_on: [1] });
    expect(check(as_one_node(history))).toEqual([]);
  });
});
