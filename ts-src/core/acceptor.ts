// Acceptor: a member's part in the rounds of the generation in force. It says what it
// has, accepts the resolver's values durably, and executes them when every member has
// accepted. Each answer is given anew whenever it is asked for; a message of a round
// that is over says nothing.
import {
  compare_ballots,
  with_accepted,
  type Accepted,
} from './ballot.ts';
import { configured_nodes } from './configured.ts';
import { base, donors, members_of, resolver_of, type Generation } from './generation.ts';
import { consider_online } from './recovery.ts';
import { difference, type NodeId, type NodeSet } from './node_set.ts';
import { first_batch } from './batch.ts';
import { in_force } from './force.ts';
import { is_ours, parse_gid, type Gid } from './gid.ts';
import { holding, type Look } from './holding.ts';
import { without_decisions } from './decide.ts';
import type { Standing } from './state.ts';
import type { Answer, MessageOf } from './message.ts';
import type { FinishResult } from './event.ts';
import type { LookPurpose } from './effect.ts';
import type { Turn } from './turn.ts';

/**
 * In the first phase a member executes all but what a user of its own waits for, in the
 * second the rest: so a user hears of a decision when it is executed on all nodes, and
 * may give the name again.
 */
export type ExecutePhase = 'execute' | 'conclude';

/** A round's values on their way into the database. */
export interface Execution {
  readonly seq: number;
  readonly phase: ExecutePhase;
  readonly left: readonly Gid[];
  /** Left for the second phase. */
  readonly held: readonly Gid[];
}

export interface Executed {
  readonly seq: number;
  readonly phase: ExecutePhase;
  readonly held: readonly Gid[];
}

interface InRound {
  readonly number: number;
  readonly seq: number;
}

type PurposeOf<K extends LookPurpose['of']> = Extract<LookPurpose, { readonly of: K }>;

/** Look at what is prepared here, and at the outcome of `gids`. */
function look_for(turn: Turn, purpose: LookPurpose, gids: readonly Gid[] = []): void {
  turn.now.push({ kind: 'look', purpose, gids, remembered_by: rememberers(turn.state) });
}

/**
 * What is prepared on one of these nodes and was executed here has its COMMIT PREPARED
 * in the WAL behind the slot that is kept for that node (docs/majority.md, 2).
 */
function rememberers(state: Standing): NodeSet {
  const generation = in_force(state);
  const { history } = state.durable;
  const members = generation === null ? null : members_of(history, base(generation));
  return difference(members ?? configured_nodes(state), [state.config.node_id]);
}

/** Is it this generation's resolver that speaks, of a round that is not over? */
export function follow(turn: Turn, from: NodeId, { number, seq }: InRound): boolean {
  const generation = in_force(turn.state);
  if (generation === null || generation.number !== number) return false;
  if (from !== resolver_of(generation) || seq <= turn.state.tenure.closed) return false;
  // A resolver begins a round only when those before it are over on all members.
  if (seq - 1 > turn.state.tenure.closed) close_here(turn, seq - 1, false);
  return true;
}

export function on_gather(turn: Turn, from: NodeId, message: MessageOf<'gather'>): void {
  if (!follow(turn, from, message)) return;
  const { number, seq, after } = message;
  look_for(turn, { of: 'report', number, seq, after });
}

export function report(turn: Turn, purpose: PurposeOf<'report'>, look: Look): void {
  const { number, seq } = purpose;
  const generation = still_in(turn, purpose);
  if (generation === null) return;
  const found = [...left_here(turn.state, generation, look), ...accepted_before(turn.state)];
  const all = found.filter((gid) => gid > purpose.after);
  const gids = first_batch(all);
  const more = gids.length < new Set(all).size;
  turn.send(resolver_of(generation), { kind: 'report', number, seq, gids, more });
}

/** What an away member has is not evidence of anything: its recovery ends it (1.4). */
function left_here(state: Standing, generation: Generation, look: Look): readonly Gid[] {
  if (!donors(generation).includes(state.config.node_id)) return [];
  return Object.keys(look.prepared).filter((gid) => is_older(gid, generation.number));
}

/** Accepted values, but for those that all members have executed in this generation. */
function accepted_before({ durable, tenure }: Standing): readonly Gid[] {
  const number = durable.promised!.number;
  const all = Object.entries(durable.accepted);
  const open = all.filter(([, { ballot }]) => ballot.number < number || ballot.seq > tenure.closed);
  return open.map(([gid]) => gid);
}

/** Is it a user's, or of a generation before this one? */
function is_older(gid: Gid, number: number): boolean {
  const parts = parse_gid(gid);
  return parts === null || parts.generation < number;
}

export function on_inquire(turn: Turn, from: NodeId, message: MessageOf<'inquire'>): void {
  if (!follow(turn, from, message)) return;
  const { number, seq, gids, open } = message;
  if (open) open_here(turn);
  look_for(turn, { of: 'answer', number, seq, gids }, gids);
}

export function answer(turn: Turn, purpose: PurposeOf<'answer'>, look: Look): void {
  const generation = still_in(turn, purpose);
  if (generation === null) return;
  const { number, seq, gids } = purpose;
  const { config, durable } = turn.state;
  const accepted: Record<Gid, Answer['accepted'][string]> = {};
  for (const gid of gids) {
    const entry = durable.accepted[gid];
    if (entry === undefined) continue;
    accepted[gid] = { ballot: entry.ballot, value: entry.value, had: entry.xid !== null };
  }
  turn.send(resolver_of(generation), {
    kind: 'answer',
    number,
    seq,
    holdings: Object.fromEntries(gids.map((gid) => [gid, holding(config.node_id, gid, look)])),
    accepted,
    closed: durable.closed,
    online_in: durable.online_in,
    settled: durable.settled,
    history: durable.history,
  });
}

export function on_propose(turn: Turn, from: NodeId, message: MessageOf<'propose'>): void {
  if (!follow(turn, from, message)) return;
  const { number, seq, values, meant } = message;
  if (accepted_gids(turn, message).length > 0) {
    turn.send(from, { kind: 'accept', number, seq });
    return;
  }
  const commits = Object.keys(values).filter((gid) => values[gid] === 'commit');
  look_for(turn, { of: 'accept', number, seq, values, meant }, commits.filter(is_ours));
}

export function accept(turn: Turn, purpose: PurposeOf<'accept'>, look: Look): void {
  const generation = still_in(turn, purpose);
  if (generation === null) return;
  const { number, seq, values, meant } = purpose;
  if (accepted_gids(turn, purpose).length === 0) {
    const before = turn.state.durable.accepted;
    const xid = (gid: Gid) => look.prepared[gid] ?? null;
    // A decision that is carried on was bound by those who executed it. To who was away its
    // recovery brings it, and maybe another transaction under the name already.
    const is_new = (gid: Gid) => gid in meant || (is_ours(gid) && before[gid] === undefined);
    const stale = Object.keys(meant).find((gid) => xid(gid) !== meant[gid]);
    if (stale !== undefined) {
      turn.send(resolver_of(generation), { kind: 'stale', number, seq, gid: stale });
      return;
    }
    const done = (gid: Gid) => look.outcomes[gid] === 'committed';
    turn.save({ accepted: with_accepted(before, { number, seq }, values, is_new, xid, done) });
  }
  turn.send(resolver_of(generation), { kind: 'accept', number, seq });
}

export function on_execute(turn: Turn, from: NodeId, message: MessageOf<ExecutePhase>): void {
  if (!follow(turn, from, message)) return;
  const { number, seq, kind: phase } = message;
  const { executed, execution } = turn.state.tenure;
  if (executed.seq === seq && (executed.phase === phase || phase === 'execute')) {
    turn.send(from, { kind: 'ended', number, seq, phase });
    return;
  }
  if (execution?.seq !== seq || execution.phase !== phase) {
    const gids = accepted_gids(turn, message);
    if (gids.length === 0) return;
    turn.set_tenure({ execution: begin_execution(turn, seq, phase, gids) });
  }
  execute_again(turn);
}

function begin_execution(
  turn: Turn,
  seq: number,
  phase: ExecutePhase,
  gids: readonly Gid[],
): Execution {
  const { tenure, decisions, dropped, durable } = turn.state;
  if (phase === 'conclude') {
    // A round of recovery has no first phase.
    const left = tenure.executed.seq === seq ? tenure.executed.held : gids;
    return { seq, phase, left, held: [] };
  }
  // A request that was dropped may have been about another transaction of that name.
  const is_awaited = (gid: Gid) =>
    decisions[gid] !== undefined || dropped[gid]?.xid === durable.accepted[gid]!.xid;
  const held = gids.filter(is_awaited);
  return { seq, phase, left: gids.filter((gid) => !held.includes(gid)), held };
}

/** Look what is left to end here; also when the data plane was busy with it. */
export function execute_again(turn: Turn): void {
  const { execution } = turn.state.tenure;
  const generation = in_force(turn.state);
  if (execution === null || generation === null) return;
  const { seq } = execution;
  const purpose = { of: 'execute', number: generation.number, seq } as const;
  look_for(turn, purpose);
}

export function execute(turn: Turn, purpose: PurposeOf<'execute'>, look: Look): void {
  const { execution } = turn.state.tenure;
  if (still_in(turn, purpose) === null || execution?.seq !== purpose.seq) return;
  end_phase(turn);
  for (const gid of execution.left) {
    const entry = turn.state.durable.accepted[gid]!;
    if (is_meant(gid, entry, look)) {
      turn.durable.push({ kind: 'finish', gid, value: entry.value });
    } else {
      ended(turn, gid);
    }
  }
}

/**
 * Is what is prepared under the gid, if anything, what the value was accepted for? The
 * cluster's own names are never given twice. Also true of what is not prepared: the
 * backend that waits for it learns the outcome.
 */
function is_meant(gid: Gid, entry: Accepted, look: Look): boolean {
  const xid = look.prepared[gid] ?? null;
  return is_ours(gid) || xid === null || xid === entry.xid;
}

export function on_finished(turn: Turn, gid: Gid, result: FinishResult): void {
  if (result !== 'busy') ended(turn, gid);
}

function ended(turn: Turn, gid: Gid): void {
  const { execution } = turn.state.tenure;
  if (execution === null || in_force(turn.state) === null) return;
  const left = execution.left.filter((other) => other !== gid);
  turn.set(without_decisions(turn.state, [gid]));
  turn.set_tenure({ execution: { ...execution, left } });
  end_phase(turn);
}

/** Is nothing left? */
function end_phase(turn: Turn): void {
  const { execution } = turn.state.tenure;
  if (execution === null || execution.left.length > 0) return;
  const generation = in_force(turn.state)!;
  const { seq, phase, held } = execution;
  turn.set_tenure({ execution: null, executed: { seq, phase, held } });
  const { number } = generation;
  turn.send(resolver_of(generation), { kind: 'ended', number, seq, phase });
}

/**
 * Nothing older is left: what was never accepted or executed will never be committed.
 * All members know that for good before the first of them is online.
 */
export function on_settle(turn: Turn, from: NodeId, message: MessageOf<'settle'>): void {
  if (!follow(turn, from, message)) return;
  const { number, seq } = message;
  if (turn.state.durable.settled < number) turn.save({ settled: number });
  turn.send(from, { kind: 'settled', number, seq });
}

export function on_close(turn: Turn, from: NodeId, message: MessageOf<'close'>): void {
  const generation = in_force(turn.state);
  if (generation === null || from !== resolver_of(generation)) return;
  close_here(turn, message.seq, message.open);
}

/**
 * Round `seq` of the generation in force is over on every member; when it is open,
 * all work of older generations, too. A late message says nothing new.
 */
export function close_here(turn: Turn, seq: number, open: boolean): void {
  if (open) open_here(turn);
  if (seq > turn.state.tenure.closed) turn.set_tenure({ closed: seq, execution: null });
}

function open_here(turn: Turn): void {
  if (turn.state.tenure.open) return;
  turn.set_tenure({ open: true });
  consider_online(turn);
}

function accepted_gids(turn: Turn, { number, seq }: InRound): Gid[] {
  const all = Object.entries(turn.state.durable.accepted);
  const same = all.filter(([, entry]) => compare_ballots(entry.ballot, { number, seq }) === 0);
  return same.map(([gid]) => gid);
}

/** The generation, if it is still in force and the round not over, after a look. */
function still_in(turn: Turn, { number, seq }: InRound) {
  const generation = in_force(turn.state);
  if (generation === null || generation.number !== number) return null;
  return seq > turn.state.tenure.closed ? generation : null;
}
