// The commit protocol has no state in which two nodes end a transaction differently, or
// one is online without what was committed; and with a rule broken on purpose it has.
//
//     npx vitest run test/model                 # about a minute of one core
//     TRACE=1 npx vitest run test/model         # how each mutation goes wrong, too
//     MODEL=long npx vitest run test/model      # larger settings, too: about ten minutes
import { describe, expect, test } from 'vitest';
import { explore } from './explore.ts';
import { REFEREE } from '../../ts-src/core/quorum.ts';
import type { Mutation, Setting } from './state.ts';

const IS_LONG = process.env['MODEL'] === 'long';

const THREE: Setting = { nodes: 3, generations: 3, major: 0 };
/** Node 3 has never been online when the transaction begins. */
const NEWCOMER: Setting = { ...THREE, members: [1, 2] };

const TWO: Setting = { nodes: 2, generations: 4, major: REFEREE };

const HEALTHY: Setting[] = [
  THREE,
  NEWCOMER,
  { nodes: 2, generations: 5, major: 1 },
  { nodes: 2, generations: 5, major: 2 },
  TWO,
  { nodes: 4, generations: 2, major: 1 },
];

const LONG: Setting[] = [
  { ...THREE, generations: 4 },
  { ...NEWCOMER, generations: 4 },
  { nodes: 2, generations: 5, major: REFEREE },
  { nodes: 4, generations: 2, major: 2 },
  { nodes: 4, generations: 3, major: 1 },
];

describe('nothing goes wrong', { timeout: 3_600_000 }, () => {
  const settings = IS_LONG ? [...HEALTHY, ...LONG] : HEALTHY;
  test.each(settings.map((setting) => [name_of(setting), setting] as const))(
    'with %s',
    async (name, setting) => {
      const { states, found } = await explore(setting);
      expect(found).toBeNull();
      console.log(`${name}: ${states} states`);
    },
  );
});

describe('it is found when', { timeout: 600_000 }, () => {
  const mutations: [string, Mutation, Setting][] = [
    ['a coordinator commits with the votes of a quorum (I4)', 'majority_commit', THREE],
    ['it reports an abort without meeting every quorum (I6)', 'lone_abort', THREE],
    ['a value is executed before all have accepted it (I5)', 'early_execution', THREE],
    ['a coordinator decides after its node moved on (I4)', 'old_driver', THREE],
    ['a participant forgets what it executed (2.1)', 'forgotten_outcome', THREE],
    ['half of the nodes need no major node (I1)', 'any_half', { nodes: 2, generations: 2, major: 1 }],
    ['a coordinator aborts alone, though a referee may choose the other (I6)', 'lone_abort', TWO],
    ['a choice for an older generation is used (4.8)', 'old_choice', TWO],
    ['the referee is asked about what is not yet (4.8)', 'asks_ahead', TWO],
    ['a node goes on alone that settled a newer one with the other (4.8)', 'alone_after_settling', TWO],
    ['what an away member lacks counts (1.4)', 'away_none_counts', NEWCOMER],
    ['what an away member has prepared counts (1.4)', 'away_prepared_counts', NEWCOMER],
    ['a generation opens before all have settled it (1.3)', 'not_settled', NEWCOMER],
  ];
  if (IS_LONG) {
    const older = { ...NEWCOMER, generations: 4 };
    mutations.push(['what a settled generation left to its donors is over (1.4)', 'settled_closes', older]);
  }
  test.each(mutations)('%s', async (_, mutation, setting) => {
    const { states, found } = await explore({ ...setting, mutation });
    expect(found).not.toBeNull();
    if (process.env['TRACE'] === undefined) return;
    console.log(`${mutation}: ${found!.what}, after ${states} states\n  ${found!.trace.join('\n  ')}`);
  });
});

function name_of({ nodes, generations, major, members }: Setting): string {
  const of_first = members === undefined ? '' : `, the first of ${members.join(' and ')}`;
  const breaks_ties = major === 0 ? '' : major === REFEREE ? ', a referee' : `, major node ${major}`;
  return `${nodes} nodes, ${generations} generations${of_first}${breaks_ties}`;
}
