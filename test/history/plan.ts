// What a client is going to do, drawn from a seed.
import type { Random } from '../sim/random.ts';
import type { Key } from './history.ts';

export type Step = { does: 'read'; keys: Key[] } | { does: 'append' | 'write'; key: Key };

export interface Plan {
  /** false: one statement alone. */
  block: boolean;
  /** Each is a statement. */
  steps: Step[];
  rolls_back: boolean;
}

const MOST_STEPS = 4;
const MOST_KEYS_READ = 4;
const ALONE = 0.3;
const ROLLS_BACK = 0.08;
const READS = 0.5;
const APPENDS = 0.3;

/** Keys are used for a while: long lists would be slow to read, and short ones show little. */
export class Keys {
  private readonly lists: Key[];
  private readonly registers: Key[];
  private readonly writes = new Map<Key, number>();
  private made = 0;

  constructor(
    lists: number,
    registers: number,
    private readonly most_writes: number,
  ) {
    this.lists = Array.from({ length: lists }, () => this.make('list'));
    this.registers = Array.from({ length: registers }, () => this.make('register'));
  }

  /** Some of either. */
  some(random: Random, count: number): Key[] {
    const keys = [...this.lists, ...this.registers];
    return [...new Set(Array.from({ length: count }, () => random.pick(keys)))];
  }

  to_write(random: Random, kind: 'list' | 'register'): Key {
    const keys = kind === 'list' ? this.lists : this.registers;
    const at = random.integer(0, keys.length - 1);
    const key = keys[at]!;
    const written = (this.writes.get(key) ?? 0) + 1;
    this.writes.set(key, written);
    if (written >= this.most_writes) keys[at] = this.make(kind);
    return key;
  }

  private make(kind: 'list' | 'register'): Key {
    return `${kind} ${++this.made}`;
  }
}

/** `blocks`: no statement alone. */
export function random_plan(random: Random, keys: Keys, blocks = false): Plan {
  const block = blocks || !random.chance(ALONE);
  const count = block ? random.integer(1, MOST_STEPS) : 1;
  const steps = Array.from({ length: count }, () => random_step(random, keys));
  return { block, steps, rolls_back: block && random.chance(ROLLS_BACK) };
}

function random_step(random: Random, keys: Keys): Step {
  const drawn = random.next();
  if (drawn < READS) return { does: 'read', keys: keys.some(random, random.integer(1, MOST_KEYS_READ)) };
  if (drawn < READS + APPENDS) return { does: 'append', key: keys.to_write(random, 'list') };
  return { does: 'write', key: keys.to_write(random, 'register') };
}
