// Rounds: the resolver's part. It runs one round at a time, each a ballot over a batch
// of gids, and begins the next only when every member has ended the last.
//
//   gather --> inquire --> propose --> execute --> conclude --> settle --> closed
//
// In a new generation rounds of recovery come first, until nothing older is left: all
// members note that durably (settle), then the generation is open. From then on a round begins at `inquire`, with gids
// that users decided on (decide.ts). It is executed in two phases, last where the users
// wait; a round of recovery in one, since nobody is online yet. A round whose question
// changes gets a new number, so that late answers to the old one mean nothing.
//
// All members, not just a quorum, accept before any executes: they contain a quorum
// (I1, I5). A member that cannot is replaced by a newer generation, not waited for.
//
// Users may give a name again once it is free, so a user's gid names different
// transactions at different times. Each member accepts only if it still has what it
// answered with:
//  1. between the last answer and the first acceptance there is a moment at which every
//     member had under the name what it answered with, since local xids never come back;
//  2. no backend was preparing it at that moment, or somebody would have said so;
//  3. so a transaction that is prepared for its user is the one on all members then;
//  4. and as all accept before any executes, all are bound to it before the name is
//     free again. If not all of them have accepted, nobody has executed.
import { compare_ballots, newest_ballot, type Ballot, type Value } from './ballot.ts';
import { difference, contains, type NodeId, type NodeSet } from './node_set.ts';
import { first_batch } from './batch.ts';
import { in_force } from './force.ts';
import { is_ours, parse_gid, type Gid } from './gid.ts';
import { is_quorum } from './quorum.ts';
import { base, donors, members_of, resolver_of, type Generation } from './generation.ts';
import { pick, type MemberAnswer, type Picked } from './pick.ts';
import { close_here, type ExecutePhase } from './acceptor.ts';
import { rule_on_decisions, has_decisions, next_decisions } from './decide.ts';
import type { Holding } from './holding.ts';
import type { Answer, Message, MessageOf, Report } from './message.ts';
import type { Turn } from './turn.ts';

export type Phase = 'gather' | 'inquire' | 'propose' | ExecutePhase | 'settle';

export interface Round {
  readonly seq: number;
  readonly phase: Phase;
  /** Is it about work of older generations, or about users' decisions? */
  readonly recovery: boolean;
  readonly gids: readonly Gid[];
  /** Is there more to recover after it? */
  readonly more: boolean;
  readonly values: Readonly<Record<Gid, Value>>;
  /** What each member has of users' gids, by its answer. */
  readonly meant: Readonly<Record<NodeId, Readonly<Record<Gid, string | null>>>>;
  /** Nothing can be proposed until somebody knows more: begin anew, later. */
  readonly waiting: boolean;
  readonly answered: Readonly<Record<NodeId, Message>>;
}

/** Called at the end of every step. */
export function consider_round(turn: Turn): void {
  const generation = resolving(turn);
  if (generation === null || turn.state.tenure.round !== null) return;
  if (!turn.state.tenure.open) begin(turn, generation, { recovery: true, gids: [] });
  else if (has_decisions(turn.state)) {
    begin(turn, generation, { recovery: false, gids: next_decisions(turn.state) });
  }
}

/** The generation whose resolver this node is now. */
function resolving(turn: Turn): Generation | null {
  const generation = in_force(turn.state);
  if (generation === null) return null;
  return resolver_of(generation) === turn.state.config.node_id ? generation : null;
}

function begin(
  turn: Turn,
  generation: Generation,
  about: { readonly recovery: boolean; readonly gids: readonly Gid[]; readonly more?: boolean },
): void {
  const seq = turn.state.tenure.last_seq + 1;
  const round: Round = {
    seq,
    phase: about.gids.length === 0 ? 'gather' : 'inquire',
    recovery: about.recovery,
    gids: about.gids,
    more: about.more ?? false,
    values: {},
    meant: {},
    waiting: false,
    answered: {},
  };
  turn.set_tenure({ round, last_seq: seq });
  question(turn, generation);
}

function enter_phase(turn: Turn, generation: Generation, change: Partial<Round>): void {
  const round = turn.state.tenure.round!;
  turn.set_tenure({ round: { ...round, answered: {}, ...change } });
  question(turn, generation);
}

/** Put the question of the present phase to all who have not answered it. */
export function question_again(turn: Turn): void {
  const generation = resolving(turn);
  const { round } = turn.state.tenure;
  if (generation === null || round === null) return;
  if (round.waiting) {
    turn.set_tenure({ gathered: '' });
    begin(turn, generation, { recovery: true, gids: [] });
  } else question(turn, generation);
}

function question(turn: Turn, generation: Generation): void {
  const round = turn.state.tenure.round!;
  const { number } = generation;
  const { seq, phase, gids, values, meant, recovery } = round;
  const asked = difference(generation.members, Object.keys(round.answered).map(Number));
  for (const to of asked) {
    if (phase === 'inquire') turn.send(to, { kind: phase, number, seq, gids, open: !recovery });
    else if (phase === 'propose') {
      turn.send(to, { kind: phase, number, seq, values, meant: meant[to] ?? {} });
    } else if (phase === 'gather') {
      turn.send(to, { kind: phase, number, seq, after: turn.state.tenure.gathered });
    } else turn.send(to, { kind: phase, number, seq });
  }
}

type Reply = Report | Answer | MessageOf<'accept'> | MessageOf<'ended'> | MessageOf<'settled'>;

const PHASE_OF = {
  report: 'gather',
  answer: 'inquire',
  accept: 'propose',
  settled: 'settle',
} as const;

function phase_of(reply: Reply): Phase {
  if (reply.kind === 'ended') return reply.phase;
  return PHASE_OF[reply.kind];
}

export function on_reply(turn: Turn, from: NodeId, message: Reply): void {
  const generation = resolving(turn);
  const { round } = turn.state.tenure;
  if (generation === null || round === null || round.waiting) return;
  if (message.number !== generation.number || message.seq !== round.seq) return;
  if (phase_of(message) !== round.phase || !generation.members.includes(from)) return;
  const answered = { ...round.answered, [from]: message };
  turn.set_tenure({ round: { ...round, answered } });
  const all = Object.keys(answered).map(Number);
  if (contains(all, generation.members)) NEXT[round.phase](turn, generation);
}

const NEXT: Readonly<Record<Phase, (turn: Turn, generation: Generation) => void>> = {
  gather: gathered,
  inquire: inquired,
  propose: accepted_by_all,
  execute: (turn, generation) => enter_phase(turn, generation, { phase: 'conclude' }),
  conclude: ended_by_all,
  settle: (turn, generation) => close(turn, generation, true),
};

function gathered(turn: Turn, generation: Generation): void {
  const reports = Object.values(turn.state.tenure.round!.answered) as Report[];
  const all = reports.flatMap((report) => report.gids);
  const gids = first_batch(all);
  const more = gids.length < new Set(all).size || reports.some((report) => report.more);
  if (gids.length === 0) settle(turn, generation);
  else enter_phase(turn, generation, { phase: 'inquire', gids, more });
}

/** Nothing older is left. */
function settle(turn: Turn, generation: Generation): void {
  enter_phase(turn, generation, { phase: 'settle' });
}

function inquired(turn: Turn, generation: Generation): void {
  const round = turn.state.tenure.round!;
  const answers = round.answered as Readonly<Record<NodeId, Answer>>;
  const { values, undecided, fresh } = round.recovery
    ? recover(generation, round.gids, answers)
    : decide(turn, generation, round.gids, answers);
  turn.set_tenure({ undecided });
  // Where a user's has ended, another one may have its name: look again.
  const again = round.recovery && Object.keys(values).some((gid) => !is_ours(gid));
  if (round.recovery) {
    turn.set_tenure({ gathered: again ? '' : next_after(round.gids, undecided) });
  }
  if (Object.keys(values).length > 0) {
    const bound_on = round.recovery ? donors(generation) : generation.members;
    const meant = meant_by(Object.keys(values), fresh, answers, bound_on);
    enter_phase(turn, generation, { phase: 'propose', values, meant, more: round.more || again });
  } else if (Object.keys(undecided).length > 0) {
    turn.set_tenure({ round: { ...round, waiting: true } });
  } else if (round.recovery && !round.more) {
    // Nothing to propose: all of it was over already.
    settle(turn, generation);
  } else {
    close(turn, generation, !round.recovery);
  }
}

/** Users' transactions stay where they are, so the next batch begins behind this one. */
function next_after(gids: readonly Gid[], undecided: Readonly<Record<Gid, string>>): Gid {
  return Object.keys(undecided).length > 0 ? '' : gids.at(-1)!;
}

/** They wait, as every commit does, until all members are online. */
function decide(
  turn: Turn,
  generation: Generation,
  gids: readonly Gid[],
  answers: Readonly<Record<NodeId, Answer>>,
): Picks {
  const online = generation.members.filter((id) => answers[id]?.online_in === generation.number);
  const values = rule_on_decisions(turn, gids, (gid) => answers_about(gid, answers, online));
  return { values, undecided: {}, fresh: Object.keys(values) };
}

/**
 * What each node has under a user's name, where the value is not bound yet: because it is
 * fresh, or carried on to a node that took no part. In recovery only a donor's
 * transactions stay; who was away is just getting them.
 */
function meant_by(
  gids: readonly Gid[],
  fresh: readonly Gid[],
  answers: Readonly<Record<NodeId, Answer>>,
  nodes: NodeSet,
) {
  const xids = ({ holdings, accepted }: Answer) => {
    const unbound = gids.filter(
      (gid) => fresh.includes(gid) || (!is_ours(gid) && accepted[gid] === undefined),
    );
    return Object.fromEntries(unbound.map((gid) => [gid, holdings[gid]?.xid ?? null]));
  };
  return Object.fromEntries(nodes.map((id) => [id, xids(answers[id]!)]));
}

/** A member has another transaction under the name by now: nobody executes this round. */
export function on_stale(turn: Turn, from: NodeId, message: MessageOf<'stale'>): void {
  const generation = resolving(turn);
  const { round } = turn.state.tenure;
  if (generation === null || round === null) return;
  if (message.seq !== round.seq || round.phase !== 'propose') return;
  if (!generation.members.includes(from)) return;
  turn.set_tenure({ gathered: '' });
  close(turn, generation, !round.recovery);
}

interface Picks {
  readonly values: Readonly<Record<Gid, Value>>;
  readonly undecided: Readonly<Record<Gid, string>>;
  /** Users' whose value is not carried on, but about what has the name now. */
  readonly fresh: readonly Gid[];
}

export function recover(
  generation: Generation,
  gids: readonly Gid[],
  answers: Readonly<Record<NodeId, Answer>>,
): Picks {
  const values: Record<Gid, Value> = {};
  const undecided: Record<Gid, string> = {};
  const fresh: Gid[] = [];
  const settled = Math.max(...Object.values(answers).map((answer) => answer.settled));
  const history = Object.values(answers).flatMap((answer) => answer.history);
  const settler = history.find((other) => other.number === settled);
  const evidence: Evidence = {
    base: base(generation),
    settled,
    settled_base: settler === undefined ? Infinity : base(settler),
    history,
  };
  const witnesses = donors(generation);
  for (const gid of gids) {
    const about = answers_about(gid, answers, witnesses);
    const carried = is_ours(gid) ? pick_ours(gid, about, evidence) : pick_users(about, evidence);
    const picked = carried ?? (is_ours(gid) ? null : pick_partial(about));
    if (carried === null && picked !== null) fresh.push(gid);
    if (picked === null) continue;
    if (!('value' in picked)) undecided[gid] = picked.undecided;
    else if (picked.value === 'abort' || is_had(about, witnesses)) values[gid] = picked.value;
    else undecided[gid] = 'it was committed by nodes that are not here';
  }
  return { values, undecided, fresh };
}

interface Evidence {
  readonly base: number;
  /** The newest generation that a member settled. */
  readonly settled: number;
  /** Its base: what was older than that its rounds left to its donors. */
  readonly settled_base: number;
  readonly history: readonly Generation[];
}

/** Can what is committed be had from one of these nodes? */
function is_had(about: ReadonlyMap<NodeId, MemberAnswer>, nodes: NodeSet): boolean {
  return nodes.some((id) => {
    const { holding, accepted } = about.get(id)!;
    return ['prepared', 'committed'].includes(holding.state) || accepted?.had === true;
  });
}

function pick_ours(
  gid: Gid,
  about: ReadonlyMap<NodeId, MemberAnswer>,
  { base, settled, settled_base, history }: Evidence,
): Picked | null {
  const number = parse_gid(gid)?.generation;
  if (number === undefined) return pick(about, null);
  const anew = without_older(about, settled);
  // All donors have ended it, one way or the other (1.3).
  if (number < base && !is_accepted(anew)) return null;
  // What its rounds decided, they decided anew (1.4).
  const open = settled_base <= number ? anew : about;
  return pick(open, members_of(history, number), number < settled ? settled : 0);
}

function is_accepted(about: ReadonlyMap<NodeId, MemberAnswer>): boolean {
  return [...about.values()].some(({ accepted }) => accepted !== null);
}

/** Without what was accepted in ballots of generations older than `number`. */
function without_older(
  about: ReadonlyMap<NodeId, MemberAnswer>,
  number: number,
): ReadonlyMap<NodeId, MemberAnswer> {
  const is_older = ({ accepted }: MemberAnswer) =>
    accepted !== null && accepted.ballot.number < number;
  const all = [...about].map(
    ([id, answer]) => [id, is_older(answer) ? { ...answer, accepted: null } : answer] as const,
  );
  return new Map(all);
}

/**
 * A user's decision is carried on where it may have been executed: when every member of
 * its ballot's generation that is here has accepted it. Otherwise it stays prepared,
 * and the user's backend asks again.
 */
function pick_users(
  about: ReadonlyMap<NodeId, MemberAnswer>,
  { history }: Evidence,
): Picked | null {
  const ballots = [...about.values()].flatMap(({ accepted }) => accepted?.ballot ?? []);
  const is_complete = (ballot: Ballot) => {
    const members = members_of(history, ballot.number) ?? [...about.keys()];
    const here = members.filter((id) => about.has(id));
    // Who accepted a later one had carried it on from there.
    return here.every((id) => {
      const accepted = about.get(id)!.accepted?.ballot;
      return accepted !== undefined && compare_ballots(accepted, ballot) >= 0;
    });
  };
  return ballots.some(is_complete) ? pick(about, null) : null;
}

/** Not all donors have it: its PREPARE never succeeded. Who missed it must not lack it later. */
function pick_partial(about: ReadonlyMap<NodeId, MemberAnswer>): Picked | null {
  const states = [...about.values()].map(({ holding }) => holding.state);
  return states.includes('none') && states.includes('prepared') ? { value: 'abort' } : null;
}

/**
 * Every member's answer about one gid, without what is closed for good. Of those who are
 * no witnesses only what they executed or accepted.
 */
function answers_about(
  gid: Gid,
  answers: Readonly<Record<NodeId, Answer>>,
  witnesses: NodeSet,
): ReadonlyMap<NodeId, MemberAnswer> {
  const closed: Ballot = newest_ballot(Object.values(answers).map((answer) => answer.closed));
  // Rounds of this generation are over before the next begins.
  const number = Object.values(answers)[0]?.number;
  const about = new Map<NodeId, MemberAnswer>();
  for (const [id, answer] of Object.entries(answers)) {
    const entry = answer.accepted[gid];
    const is_open = (ballot: Ballot) =>
      compare_ballots(ballot, closed) > 0 && ballot.number !== number;
    const open = entry !== undefined && is_open(entry.ballot);
    const held = answer.holdings[gid] ?? { state: 'unknown', xid: null };
    const executed = held.state === 'committed' || held.state === 'aborted';
    const holding: Holding =
      executed || witnesses.includes(Number(id)) ? held : { state: 'away', xid: held.xid };
    about.set(Number(id), { holding, accepted: open ? entry : null });
  }
  return about;
}

function accepted_by_all(turn: Turn, generation: Generation): void {
  const accepted = Object.keys(turn.state.tenure.round!.answered).map(Number);
  if (!is_quorum(generation.configured, accepted, generation.major)) return;
  const { recovery } = turn.state.tenure.round!;
  enter_phase(turn, generation, { phase: recovery ? 'conclude' : 'execute' });
}

function ended_by_all(turn: Turn, generation: Generation): void {
  const { undecided, round } = turn.state.tenure;
  const { recovery, values, more } = round!;
  const count = Object.keys(values).length;
  if (recovery) turn.log(`resolved ${count} transactions in generation ${generation.number}`);
  const left = more || Object.keys(undecided).length > 0;
  if (recovery && !left) settle(turn, generation);
  else close(turn, generation, !recovery);
}

function close(turn: Turn, generation: Generation, open: boolean): void {
  const { seq } = turn.state.tenure.round!;
  turn.set_tenure({ round: null });
  close_here(turn, seq, open);
  for (const to of difference(generation.members, [turn.state.config.node_id])) {
    send_close(turn, to, generation.number, seq, open);
  }
}

function send_close(turn: Turn, to: NodeId, number: number, seq: number, open: boolean): void {
  turn.send(to, { kind: 'close', number, seq, open });
}

/** A heartbeat shows that a member has not heard that the last round is over. */
export function remind(turn: Turn, from: NodeId, said: MessageOf<'heartbeat'>): void {
  const generation = resolving(turn);
  const { closed, open } = turn.state.tenure;
  if (generation === null || closed === 0 || said.promised !== generation.number) return;
  if (said.closed >= closed && said.open === open) return;
  send_close(turn, from, generation.number, closed, open);
}
