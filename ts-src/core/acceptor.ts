// Acceptor: a member's part in the rounds of the generation in force. It says what it
// has, accepts the resolver's values durably, and executes them when every member has
// accepted. Each answer is given anew whenever it is asked for; a message of a round
// that is over says nothing.
import {
  compare_ballots,
  with_accepted,
  without_ballots,
  type Accepted,
  type Ballot,
} from './ballot.ts';
import { first_batch } from './batch.ts';
import { forget_before } from './history.ts';
import { forget_orphans } from './orphan.ts';
import { in_force } from './force.ts';
import { is_ours, parse_gid, type Gid } from './gid.ts';
import { holding, type Look } from './holding.ts';
import { resolver_of } from './generation.ts';
import { without_decisions } from './decide.ts';
import type { Answer, MessageOf } from './message.ts';
import type { FinishResult } from './event.ts';
import type { LookPurpose } from './effect.ts';
import type { NodeId } from './node_set.ts';
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

/** Is it this generation's resolver that speaks, of a round that is not over? */
export function follow(turn: Turn, from: NodeId, { number, seq }: InRound): boolean {
  const generation = in_force(turn.state);
  if (generation === null || generation.number !== number) return false;
  if (from !== resolver_of(generation) || seq <= turn.state.tenure.closed) return false;
  // A resolver begins a round only when those before it are over on all members.
  if (seq - 1 > turn.state.tenure.closed) close_through(turn, number, seq - 1);
  return true;
}

export function on_gather(turn: Turn, from: NodeId, message: MessageOf<'gather'>): void {
  if (!follow(turn, from, message)) return;
  const { number, seq } = message;
  turn.now.push({ kind: 'look', purpose: { of: 'report', number, seq }, gids: [] });
}

export function report(turn: Turn, purpose: PurposeOf<'report'>, look: Look): void {
  const { number, seq } = purpose;
  const generation = still_in(turn, purpose);
  if (generation === null) return;
  const left = Object.keys(look.prepared).filter((gid) => is_older(gid, number));
  const all = [...left, ...Object.keys(turn.state.durable.accepted)];
  const gids = first_batch(all);
  const more = gids.length < new Set(all).size;
  turn.send(resolver_of(generation), { kind: 'report', number, seq, gids, more });
}

/** Is it the cluster's, and of a generation before this one? */
function is_older(gid: Gid, number: number): boolean {
  const parts = parse_gid(gid);
  if (parts === null) return is_ours(gid);
  return parts.generation < number;
}

export function on_inquire(turn: Turn, from: NodeId, message: MessageOf<'inquire'>): void {
  if (!follow(turn, from, message)) return;
  const { number, seq, gids } = message;
  turn.now.push({ kind: 'look', purpose: { of: 'answer', number, seq, gids }, gids });
}

export function answer(turn: Turn, purpose: PurposeOf<'answer'>, look: Look): void {
  const generation = still_in(turn, purpose);
  if (generation === null) return;
  const { number, seq, gids } = purpose;
  const { config, durable } = turn.state;
  const accepted: Record<Gid, Answer['accepted'][string]> = {};
  for (const gid of gids) {
    const entry = durable.accepted[gid];
    if (entry !== undefined) accepted[gid] = { ballot: entry.ballot, value: entry.value };
  }
  turn.send(resolver_of(generation), {
    kind: 'answer',
    number,
    seq,
    holdings: Object.fromEntries(gids.map((gid) => [gid, holding(config.node_id, gid, look)])),
    accepted,
    closed: durable.closed,
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
  turn.now.push({ kind: 'look', purpose: { of: 'accept', number, seq, values, meant }, gids: [] });
}

export function accept(turn: Turn, purpose: PurposeOf<'accept'>, look: Look): void {
  const generation = still_in(turn, purpose);
  if (generation === null) return;
  const { number, seq, values, meant } = purpose;
  if (accepted_gids(turn, purpose).length === 0) {
    const before = turn.state.durable.accepted;
    const xid = (gid: Gid) => look.prepared[gid] ?? null;
    const stale = Object.keys(meant).find((gid) => xid(gid) !== meant[gid]);
    if (stale !== undefined) {
      turn.send(resolver_of(generation), { kind: 'stale', number, seq, gid: stale });
      return;
    }
    turn.save({ accepted: with_accepted(before, { number, seq }, values, xid) });
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
  const { tenure, decisions } = turn.state;
  if (phase === 'conclude') {
    // A round of recovery has no first phase.
    const left = tenure.executed.seq === seq ? tenure.executed.held : gids;
    return { seq, phase, left, held: [] };
  }
  const held = gids.filter((gid) => decisions[gid] !== undefined);
  return { seq, phase, left: gids.filter((gid) => !held.includes(gid)), held };
}

/** Look what is left to end here; also when the data plane was busy with it. */
export function execute_again(turn: Turn): void {
  const { execution } = turn.state.tenure;
  const generation = in_force(turn.state);
  if (execution === null || generation === null) return;
  const { seq } = execution;
  const purpose = { of: 'execute', number: generation.number, seq } as const;
  turn.now.push({ kind: 'look', purpose, gids: [] });
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
  const number = in_force(turn.state)!.number;
  if (open && !turn.state.tenure.open) {
    turn.set_tenure({ open: true });
    forget_before(turn, number);
    forget_orphans(turn, number);
  }
  close_through(turn, number, Math.max(seq, turn.state.tenure.closed));
}

/**
 * Forget what is ended on all members. Before the generation is open that says nothing
 * of ballots of older generations: they may be in a later round's batch.
 */
function close_through(turn: Turn, number: number, seq: number): void {
  const { accepted, closed } = turn.state.durable;
  const end = { number, seq };
  if (turn.state.tenure.open) {
    if (compare_ballots(closed, end) < 0) {
      const left = without_ballots(accepted, (ballot) => compare_ballots(ballot, end) <= 0);
      turn.save({ accepted: left, closed: end });
    }
  } else {
    const over = (ballot: Ballot) => ballot.number === number && ballot.seq <= seq;
    const left = without_ballots(accepted, over);
    if (left !== accepted) turn.save({ accepted: left });
  }
  if (seq > turn.state.tenure.closed) turn.set_tenure({ closed: seq, execution: null });
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
