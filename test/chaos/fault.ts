// What may go wrong in one round, as plain data: the same seed gives the same faults.
import type { Random } from '../sim/random.ts';

/** By the name that pg_stat_activity shows. */
export const PROCESSES = [
  'client backend',
  'multimaster apply worker',
  'multimaster receiver',
  'multimaster lane',
  'walsender',
  'multimaster link sender',
  'multimaster flusher',
  'multimaster monitor',
] as const;

export const POINTS = [
  'registered',
  'prepared',
  'decided',
  'committed',
  'applied',
  'voting',
  'outcome',
  'ended',
] as const;

export type Fault =
  | { kind: 'kill node'; node: number }
  | { kind: 'stop node'; node: number }
  | { kind: 'take out node'; node: number }
  | { kind: 'kill process'; node: number; process: (typeof PROCESSES)[number] }
  | { kind: 'crash at point'; node: number; point: (typeof POINTS)[number] }
  | { kind: 'pause node'; node: number }
  | { kind: 'isolate node'; node: number }
  | { kind: 'mute node'; node: number }
  | { kind: 'deafen node'; node: number }
  | { kind: 'cut edge'; node: number; other: number }
  | { kind: 'cut edge one way'; node: number; other: number };

export type Kind = Fault['kind'];

export interface Round {
  faults: Fault[];
  /** At least this long before it is healed. */
  hold_ms: number;
  /** A new node begins to join meanwhile, as a copy of this one; 0: none does. */
  guest_of: number;
}

/** How often each comes, beside the others. */
const WEIGHTS: Record<Kind, number> = {
  'kill node': 3,
  'stop node': 1,
  'take out node': 1,
  'kill process': 4,
  'crash at point': 3,
  'pause node': 3,
  'isolate node': 3,
  'mute node': 1,
  'deafen node': 1,
  'cut edge': 2,
  'cut edge one way': 1,
};

const KINDS = Object.keys(WEIGHTS) as Kind[];

/** Of two faults at once, the second follows within this time. */
export const SECOND_WITHIN_MS = 1_500;
const TWO_AT_ONCE = 0.2;
/** There are only so many numbers for new nodes: guest.ts. */
const WITH_GUEST = 0.15;
/** multimaster.heartbeat_recv_timeout is 2 s; then it must show whether writes go on. */
const LEAST_HOLD_MS = 4_000;
const MOST_HOLD_MS = 9_000;

export function random_round(random: Random, nodes: number[]): Round {
  const count = random.chance(TWO_AT_ONCE) ? 2 : 1;
  const faults = Array.from({ length: count }, () => random_fault(random, nodes));
  const hold_ms = random.integer(LEAST_HOLD_MS, MOST_HOLD_MS);
  const guest_of = random.chance(WITH_GUEST) ? random.pick(nodes) : 0;
  return { faults, hold_ms, guest_of };
}

export function random_fault(random: Random, nodes: number[], kinds: Kind[] = KINDS): Fault {
  const kind = random_kind(random, kinds);
  const node = random.pick(nodes);
  switch (kind) {
    case 'kill process':
      return { kind, node, process: random.pick(PROCESSES) };
    case 'crash at point':
      return { kind, node, point: random.pick(POINTS) };
    case 'cut edge':
    case 'cut edge one way':
      return { kind, node, other: random.pick(nodes.filter((each) => each !== node)) };
    default:
      return { kind, node };
  }
}

function random_kind(random: Random, kinds: Kind[]): Kind {
  const all = kinds.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));
  return random.pick(all);
}

/** Nodes that nothing was done to: where they are a majority, they should carry on. */
export function survivors(round: Round, nodes: number[]): number[] {
  const hit = round.faults.flatMap((fault) =>
    'other' in fault ? [fault.node, fault.other] : [fault.node],
  );
  return nodes.filter((node) => !hit.includes(node));
}

/** A cut edge leaves a majority to either of its nodes, with those beside it. */
export function majority_survives(round: Round, nodes: number[]): boolean {
  const [first, second] = round.faults;
  if (first !== undefined && second === undefined && 'other' in first) return true;
  return survivors(round, nodes).length > nodes.length / 2;
}

export function in_words(fault: Fault): string {
  switch (fault.kind) {
    case 'kill process':
      return `kill ${fault.process} of node ${fault.node}`;
    case 'crash at point':
      return `crash at "${fault.point}" on node ${fault.node}`;
    case 'cut edge':
      return `cut between node ${fault.node} and node ${fault.other}`;
    case 'cut edge one way':
      return `cut from node ${fault.node} to node ${fault.other}`;
    default:
      return `${fault.kind} ${fault.node}`;
  }
}

/** For the report: processes and points one by one. */
export function kind_in_words(fault: Fault): string {
  if (fault.kind === 'kill process') return `kill ${fault.process}`;
  return fault.kind === 'crash at point' ? `crash at ${fault.point}` : fault.kind;
}
