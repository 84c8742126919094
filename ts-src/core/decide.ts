// Decisions: a user's COMMIT or ROLLBACK PREPARED of the user's own transaction, on
// whatever node. The node asks the resolver of the generation in force, which runs a
// ballot with the user's value. The first decision accepted wins; who asked otherwise
// learns what it was.
//
// A name may be given again once it is free. So a request says which local transaction
// the asking node had under the name, and is dropped when that is another one by now.
import { first_batch } from './batch.ts';
import { in_force } from './force.ts';
import { is_ours, type Gid } from './gid.ts';
import { resolver_of } from './generation.ts';
import { rule, type Decision, type MemberAnswer } from './pick.ts';
import type { Look } from './holding.ts';
import type { MessageOf, Told } from './message.ts';
import type { NodeId } from './node_set.ts';
import type { Standing, State } from './state.ts';
import type { Turn } from './turn.ts';
import type { Value } from './ballot.ts';

/** A decision at the resolver: whose it is, and who else wants to hear of it. */
export interface Asked {
  readonly by: NodeId;
  readonly decision: Decision;
  readonly askers: readonly NodeId[];
}

export function on_decide(turn: Turn, gid: Gid, commit: boolean): void {
  if (is_ours(gid)) {
    turn.warn(`"${gid}" is a transaction of the cluster: it is not decided by users`);
    return;
  }
  const value: Value = commit ? 'commit' : 'abort';
  turn.now.push({
    kind: 'look',
    purpose: { of: 'decide', gid, value },
    gids: [],
    remembered_by: [],
  });
}

export function decided(turn: Turn, gid: Gid, value: Value, look: Look): void {
  const decision: Decision = { value, xid: look.prepared[gid] ?? null };
  turn.set({ decisions: { ...turn.state.decisions, [gid]: decision } });
  ask(turn, [gid]);
}

/** Repeat the decisions that are still open. */
export function ask_again(turn: Turn): void {
  const open = Object.keys(turn.state.decisions);
  if (open.length > 0) ask(turn, first_batch(open));
}

function ask(turn: Turn, gids: readonly Gid[]): void {
  const generation = in_force(turn.state);
  if (generation === null || turn.state.durable.online_in !== generation.number) return;
  const wanted = gids.map((gid) => [gid, turn.state.decisions[gid]!] as const);
  const decisions = Object.fromEntries(wanted);
  turn.send(resolver_of(generation), { kind: 'ask', number: generation.number, decisions });
}

export function without_decisions(state: Standing, gids: readonly Gid[]): Partial<State> {
  const without = (decisions: State['decisions']) =>
    Object.fromEntries(Object.entries(decisions).filter(([gid]) => !gids.includes(gid)));
  return { decisions: without(state.decisions), dropped: without(state.dropped) };
}

export function on_ask(turn: Turn, from: NodeId, message: MessageOf<'ask'>): void {
  const generation = in_force(turn.state);
  if (generation === null || generation.number !== message.number) return;
  if (resolver_of(generation) !== turn.state.config.node_id) return;
  if (!generation.members.includes(from)) return;
  const asked = { ...turn.state.asked };
  const deciding = turn.state.tenure.round?.values ?? {};
  for (const [gid, decision] of Object.entries(message.decisions)) {
    // The outcome answers it; should this round end without one, it is asked for again.
    if (deciding[gid] !== undefined) continue;
    const first = asked[gid];
    if (first === undefined) asked[gid] = { by: from, decision, askers: [from] };
    else if (first.by === from) asked[gid] = { ...first, decision };
    else asked[gid] = { ...first, askers: [...new Set([...first.askers, from])] };
  }
  turn.set({ asked });
}

export function has_decisions(state: Standing): boolean {
  return Object.keys(state.asked).length > 0;
}

export function next_decisions(state: Standing): readonly Gid[] {
  return first_batch(Object.keys(state.asked));
}

/** What the round proposes; whoever gets no value is told why. */
export function rule_on_decisions(
  turn: Turn,
  gids: readonly Gid[],
  about: (gid: Gid) => ReadonlyMap<NodeId, MemberAnswer>,
): Readonly<Record<Gid, Value>> {
  const values: Record<Gid, Value> = {};
  const asked = { ...turn.state.asked };
  for (const gid of gids) {
    const request = asked[gid];
    if (request === undefined) continue;
    delete asked[gid];
    const ruling = rule(about(gid), request.by, request.decision);
    if ('value' in ruling) values[gid] = ruling.value;
    else tell(turn, request, gid, 'absent' in ruling ? 'absent' : 'later');
  }
  turn.set({ asked });
  return values;
}

function tell(turn: Turn, request: Asked, gid: Gid, told: Told): void {
  const generation = in_force(turn.state)!;
  for (const to of request.askers) {
    turn.send(to, { kind: 'told', number: generation.number, answers: { [gid]: told } });
  }
}

/**
 * `later`: the request is dropped; the backend asks again while it waits. `absent`:
 * nobody has it, which the backend learns if that is still true here.
 */
export function on_told(turn: Turn, from: NodeId, message: MessageOf<'told'>): void {
  const generation = in_force(turn.state);
  if (generation === null || generation.number !== message.number) return;
  if (from !== resolver_of(generation)) return;
  const absent: Record<Gid, Decision> = {};
  const later: Record<Gid, Decision> = {};
  for (const [gid, told] of Object.entries(message.answers)) {
    const decision = turn.state.decisions[gid];
    if (decision === undefined) continue;
    if (told === 'later') later[gid] = decision;
    else absent[gid] = decision;
  }
  const dropped = { ...turn.state.dropped, ...later };
  turn.set({ ...without_decisions(turn.state, Object.keys(later)), dropped });
  if (Object.keys(absent).length === 0) return;
  turn.now.push({
    kind: 'look',
    purpose: { of: 'absent', decisions: absent },
    gids: [],
    remembered_by: [],
  });
}

/** Nobody had it, and this node still has not: the waiting backend may know. */
export function absent_here(
  turn: Turn,
  decisions: Readonly<Record<Gid, Decision>>,
  look: Look,
): void {
  const gids = Object.keys(decisions);
  turn.set(without_decisions(turn.state, gids));
  for (const gid of gids) {
    if (look.prepared[gid] === undefined) {
      turn.durable.push({ kind: 'finish', gid, value: 'abort' });
    }
  }
}
