// A new node, which began as a copy of its source (docs/membership.md, 4).
import { describe, expect, test } from 'vitest';
import { donor_for, is_away } from '../../ts-src/core/recovery.ts';
import { initial_state, type Config, type State } from '../../ts-src/core/state.ts';
import { LosslessCluster } from './lossless_cluster.ts';
import { peer_of } from '../../ts-src/core/connectivity.ts';
import { step } from '../../ts-src/core/step.ts';

const CLOCK = { now_ms: 10_000, wall_ms: 10_000, random: 0.5 };
const founders = LosslessCluster.online(3);
const config: Config = { ...founders.config(4), source: 2, listed: [1, 2, 3, 4] };

/** A founder says that it is online, and that it hears the new node. */
function hears(state: State, from: number): State {
  const said = peer_of(founders.node(from === 3 ? 1 : 3).control.state, from).said!;
  const message = { ...said, seq: 1, heard: {}, let_go: {}, connected: [...said.connected, 4] };
  const body = JSON.stringify({ version: 1, cluster: 'test', from, incarnation: 1, message });
  const linked = step(state, { kind: 'link_up', peer: from }, CLOCK).state;
  return step(linked, { kind: 'message', from, body }, CLOCK).state;
}

describe('a new node', () => {
  test('reads no stream while it hears nobody who was online', () => {
    const { state } = step(initial_state(config, null), { kind: 'start' }, CLOCK);
    expect(is_away(state)).toBe(true);
    expect(state.view?.donor).toBe(-1);
  });

  test('recovers from its source, and from nobody else', () => {
    const others = hears(hears(initial_state(config, null), 1), 3);
    expect(donor_for(others)).toBe(-1);
    expect(donor_for(hears(others, 2))).toBe(2);
  });

  test('that is no copy recovers from any of them', () => {
    const founder = initial_state({ ...config, source: 0 }, null);
    expect(donor_for(hears(hears(founder, 1), 3))).toBe(1);
  });
});
