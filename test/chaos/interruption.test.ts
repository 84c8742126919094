// How long nodes took no writes: measured on acknowledgements, with a clock in hand.
import { expect, test } from 'vitest';
import type { Listener } from '../cluster/logged_load.ts';
import { Interruption, WritesAgain } from './interruption.ts';

function load_of() {
  const listeners = new Set<Listener>();
  const acknowledge = (node: number, began_ms: number, known_ms: number) => {
    for (const listen of listeners) listen(node, began_ms, known_ms);
  };
  return { listeners, acknowledge };
}

test('the longest silence of any survivor counts, and others do not', () => {
  const load = load_of();
  let now = 1000;
  const interruption = new Interruption(load, [1, 2], () => now);
  load.acknowledge(1, 990, 1010);
  load.acknowledge(2, 990, 1100);
  load.acknowledge(3, 990, 1200);
  now = 5000;
  expect(interruption.is_over()).toBe(false);
  load.acknowledge(1, 4000, 5000);
  load.acknowledge(2, 4000, 4800);
  expect(interruption.is_over()).toBe(true);
  expect(interruption.end()).toBe(3990);
  expect(load.listeners.size).toBe(0);
});

test('one that lasts is no time', () => {
  const load = load_of();
  let now = 0;
  const interruption = new Interruption(load, [1, 2], () => now);
  load.acknowledge(1, 0, 100); // Before the fault was noticed.
  now = 4000;
  expect(interruption.end()).toBeNull();
});

test('all write again when each has acknowledged what began later', () => {
  const load = load_of();
  const again = new WritesAgain(load, [1, 2], () => 1000);
  load.acknowledge(1, 999, 1001);
  load.acknowledge(2, 1000, 1002);
  expect(again.after_ms()).toBeNull();
  load.acknowledge(1, 1001, 1500);
  load.acknowledge(2, 1400, 1800);
  expect(again.after_ms()).toBe(500);
});
