// What happens to the nodes while clients are at work.
import { setTimeout as sleep } from 'node:timers/promises';
import { in_words, random_fault, type Kind } from '../chaos/fault.ts';
import { clear_points, inject, mend } from '../chaos/inject.ts';
import type { LocalNodes } from '../cluster/local_nodes.ts';
import type { Random } from '../sim/random.ts';

export const WEATHERS = ['healthy', 'kills', 'pauses', 'partitions'] as const;
export type Weather = (typeof WEATHERS)[number];

const KINDS: Record<Exclude<Weather, 'healthy'>, Kind[]> = {
  kills: ['kill node', 'kill process', 'crash at point', 'stop node'],
  pauses: ['pause node'],
  partitions: ['isolate node', 'mute node', 'deafen node', 'cut edge', 'cut edge one way'],
};

/** multimaster.heartbeat_recv_timeout is 2 s: some faults are over before they are noticed. */
const LEAST_HOLD_MS = 1_000;
const MOST_HOLD_MS = 5_000;
const MOST_CALM_MS = 2_000;

export async function go_through(
  weather: Weather,
  nodes: LocalNodes,
  random: Random,
  for_ms: number,
  say: (text: string) => void,
): Promise<void> {
  const end_ms = Date.now() + for_ms;
  if (weather === 'healthy') return sleep(for_ms);
  while (Date.now() < end_ms) {
    await sleep(random.integer(0, MOST_CALM_MS));
    const fault = random_fault(random, nodes.ids, KINDS[weather]);
    const hold_ms = random.integer(LEAST_HOLD_MS, MOST_HOLD_MS);
    say(in_words(fault));
    await inject(nodes, fault);
    await sleep(hold_ms);
    await mend(nodes);
    await nodes.wait_online();
    await clear_points(nodes); // That may crash one once more, on its way.
    await nodes.wait_online();
  }
}
