// Circles of waits over nodes, and who must fail so that the others go on. Why what is found
// is a deadlock, and why all nodes choose the same victim: docs/conflicts.md, "Circles".
import { is_ours, parse_gid } from './gid.ts';
import { strong_components } from './strong_components.ts';
import type { LockWait } from './lock_graph.ts';

export interface Deadlock {
  /** Who waits here must fail. */
  readonly victim: LockWait;
  /** Begins with the victim's wait; each waits for the waiter of the next, the last for the victim. */
  readonly circle: readonly LockWait[];
}

/** Of the text for the victim's client. Of what is not ASCII the server takes less. */
const DETAIL_SIZE = 512;

/** Those waits of the later look that were there in the earlier one already. */
export function unchanged(before: readonly LockWait[], now: readonly LockWait[]): LockWait[] {
  const seen = new Set(before.map(identity));
  return now.filter((wait) => wait.waits_since !== null && seen.has(identity(wait)));
}

function identity({ node, waiter, waiter_pid, holder, waits_since }: LockWait): string {
  return JSON.stringify([node, waiter, waiter_pid, holder, waits_since]);
}

/** One victim for each circle; without them there is none left that is ours to break. */
export function deadlocks(waits: readonly LockWait[]): Deadlock[] {
  const found: Deadlock[] = [];
  let left = [...waits].sort(by_identity);
  for (;;) {
    const victims = knots(left).filter((knot) => !seen_by_one_node(knot)).map(victim_of);
    if (victims.length === 0) return found;
    for (const victim of victims) {
      found.push({ victim, circle: circle_of(victim, left) });
    }
    const gone = new Set(victims.map(({ waiter }) => waiter));
    left = left.filter(({ waiter }) => !gone.has(waiter));
  }
}

const by_identity = (a: LockWait, b: LockWait) => compare(identity(a), identity(b));

function compare<Value extends string | number>(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The waits among those who wait for each other, for each such group. */
function knots(waits: readonly LockWait[]): LockWait[][] {
  const graph = new Map<string, string[]>();
  for (const { waiter, holder } of waits) {
    graph.set(waiter, [...(graph.get(waiter) ?? []), holder]);
  }
  return strong_components(graph)
    .map((members) => new Set(members))
    .map((members) => waits.filter((w) => members.has(w.waiter) && members.has(w.holder)))
    .filter((knot) => knot.length > 0);
}

/** PostgreSQL finds these itself: locks of one node, and of processes of that node. */
function seen_by_one_node(knot: readonly LockWait[]): boolean {
  const { node } = knot[0]!;
  const here = `node ${node}, pid `;
  return knot.every(
    (wait) =>
      wait.node === node &&
      wait.locktype !== 'commit' &&
      (wait.waiter.startsWith(here) || session_node(wait.waiter) === null),
  );
}

function session_node(name: string): number | null {
  const match = /^node (\d+), pid \d+$/.exec(name);
  return match === null ? null : Number(match[1]);
}

/**
 * The latest, by the order in which conflicts are decided; a session counts from when it began to
 * wait, and a user's own two-phase transaction, which has no start in its name, as the earliest.
 * Who only waits for its own commit cannot fail by itself.
 */
function victim_of(knot: readonly LockWait[]): LockWait {
  const able = knot.filter(({ locktype }) => locktype !== 'commit');
  const starts = new Map<string, number>();
  for (const wait of able) {
    starts.set(wait.waiter, Math.max(starts.get(wait.waiter) ?? -Infinity, start_of(wait)));
  }
  const latest = [...starts].sort(
    ([a, a_start], [b, b_start]) => compare(b_start, a_start) || compare(b, a),
  )[0]![0];
  return able.find(({ waiter }) => waiter === latest)!;
}

const EPOCH_MS = Date.UTC(2000, 0);

/** In milliseconds since 1970. */
function start_of({ waiter, waits_since }: LockWait): number {
  if (is_ours(waiter)) return EPOCH_MS + Number(parse_gid(waiter)?.start_us ?? 0) / 1000;
  return session_node(waiter) === null ? -Infinity : Date.parse(waits_since!);
}

/** A shortest way from the victim's holder back to the victim. */
function circle_of(victim: LockWait, waits: readonly LockWait[]): LockWait[] {
  const ways: LockWait[][] = [[victim]];
  const reached = new Set([victim.holder]);
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    const end = way.at(-1)!.holder;
    if (end === victim.waiter) return way;
    for (const wait of waits) {
      if (wait.waiter !== end || reached.has(wait.holder)) continue;
      reached.add(wait.holder);
      ways.push([...way, wait]);
    }
  }
  throw new Error(`${victim.waiter} is in no circle`);
}

/** For the victim's client: who waits for whom. Whole lines, as many as fit. */
export function described({ circle }: Deadlock): string {
  const lines: string[] = [];
  let size = '\n...'.length;
  for (const line of circle.map(described_wait)) {
    size += line.length + 1;
    if (size > DETAIL_SIZE) return [...lines, '...'].join('\n');
    lines.push(line);
  }
  return lines.join('\n');
}

function described_wait({ node, waiter, holder, locktype, relation, mode }: LockWait): string {
  if (locktype === 'commit') return `Node ${node}: ${waiter} commits ${holder}.`;
  return `Node ${node}: ${waiter} waits for ${holder} (${mode}, ${relation ?? locktype}).`;
}
