// The one door: step(state, event) gives the next state and what is to be done.
//
// A message is first held against the newest generation this node voted for (older,
// equal, newer), then goes to the rule for its kind. After every event the view, the
// reason and the heartbeat are settled, and the invariants checked.
import { accept, answer, execute, execute_again, report } from './acceptor.ts';
import { absent_here, ask_again, decided, on_ask, on_decide, on_told } from './decide.ts';
import { beat, on_heartbeat } from './heartbeat.ts';
import { canvass, consider_campaign, on_refuse, on_vote } from './campaign.ts';
import { known_nodes } from './configured.ts';
import { ask_referee, on_referee, spare_referee } from './referee.ts';
import { check_invariants } from './invariant.ts';
import { consider_round, on_reply, on_stale, question_again } from './round.ts';
import { decode_message, type Message, type MessageKind, type MessageOf } from './message.ts';
import { learn } from './history.ts';
import { on_campaign } from './vote.ts';
import { on_close, on_execute, on_finished, on_gather } from './acceptor.ts';
import { on_inquire, on_propose, on_settle } from './acceptor.ts';
import { consider_measure, on_horizon, on_measured } from './horizon.ts';
import { consider_online, on_recovering } from './recovery.ts';
import { on_orphan, on_surveyed, survey } from './orphan.ts';
import { judge_grants } from './lease.ts';
import { change_hearing, change_peer, judge_silence, peer_of, UNKNOWN_PEER } from './connectivity.ts';
import { settle_view } from './view.ts';
import { Turn } from './turn.ts';
import type { Clock, Event, EventKind, EventOf } from './event.ts';
import type { Effects, LookPurpose } from './effect.ts';
import type { Look } from './holding.ts';
import type { NodeId } from './node_set.ts';
import type { State } from './state.ts';

export interface Stepped {
  readonly state: State;
  readonly effects: Effects;
}

export function step(state: State, event: Event, clock: Clock): Stepped {
  const turn = new Turn(state, clock);
  dispatch(turn, event);
  consider_round(turn);
  consider_online(turn);
  settle_view(turn);
  beat(turn);
  check_invariants(state, turn.state);
  return { state: turn.state, effects: { durable: turn.durable, now: turn.now } };
}

const ON_EVENT: { readonly [K in EventKind]: (turn: Turn, event: EventOf<K>) => void } = {
  start: on_start,
  tick: on_tick,
  message: (turn, { from, body }) => on_message(turn, from, body),
  link_up: (turn, { peer }) => change_peer(turn, peer, { link: true }),
  link_down: (turn, { peer }) => change_peer(turn, peer, { link: false, heard: false }),
  gone: (turn, { peer }) => change_peer(turn, peer, { gone: true, granted: false }),
  stream_up: (turn, { peer }) => change_peer(turn, peer, { stream: true }),
  stream_down: (turn, { peer }) => change_peer(turn, peer, { stream: false }),
  listed: (turn, { nodes, stopped, why_not }) =>
    turn.set({ listed: nodes, stopped: stopped ?? [], why_dropped: why_not ?? '' }),
  recovering: on_recovering,
  measured: (turn, { positions }) => on_measured(turn, positions),
  referee: on_referee,
  orphan: (turn, { gid }) => on_orphan(turn, gid),
  decide: (turn, { gid, commit }) => on_decide(turn, gid, commit),
  looked: (turn, { purpose, look }) => on_looked(turn, purpose, look),
  finished: (turn, { gid, result }) => on_finished(turn, gid, result),
};

function dispatch<K extends EventKind>(turn: Turn, event: EventOf<K>): void {
  const rule = ON_EVENT[event.kind as K];
  if (rule === undefined) throw new Error(`unknown event kind "${event.kind}"`);
  rule(turn, event);
}

type PurposeRules = {
  readonly [K in LookPurpose['of']]: (
    turn: Turn,
    purpose: Extract<LookPurpose, { readonly of: K }>,
    look: Look,
  ) => void;
};

const ON_LOOKED: PurposeRules = {
  report,
  answer,
  accept,
  execute,
  decide: (turn, { gid, value }, look) => decided(turn, gid, value, look),
  absent: (turn, { decisions }, look) => absent_here(turn, decisions, look),
  survey: (turn, _, look) => on_surveyed(turn, look),
};

function on_looked(turn: Turn, purpose: LookPurpose, look: Look): void {
  (ON_LOOKED[purpose.of] as (t: Turn, p: LookPurpose, l: Look) => void)(turn, purpose, look);
}

function on_start(turn: Turn): void {
  turn.set({ started_ms: turn.clock.now_ms });
  spare_referee(turn);
}

function on_tick(turn: Turn): void {
  judge_silence(turn);
  judge_grants(turn);
  consider_campaign(turn);
  survey(turn);
  consider_measure(turn);
  execute_again(turn);
  if (turn.clock.now_ms < turn.state.retry_after_ms) return;
  turn.set({ retry_after_ms: turn.clock.now_ms + turn.state.config.heartbeat_send_ms });
  ask_referee(turn);
  canvass(turn);
  question_again(turn);
  ask_again(turn);
}

// ---- messages ------------------------------------------------------------------

type Relation = 'older' | 'equal' | 'newer';

interface MessageRule<K extends MessageKind> {
  /** The generation the message belongs to; null: it speaks of none. */
  readonly number: (message: MessageOf<K>) => number | null;
  /** What it may be to the newest generation this node voted for. */
  readonly when: readonly Relation[];
  readonly act: (turn: Turn, from: NodeId, message: MessageOf<K>) => void;
}

const ALWAYS: readonly Relation[] = ['older', 'equal', 'newer'];
const EQUAL: readonly Relation[] = ['equal'];
const of_round = { number: (message: { readonly number: number }) => message.number, when: EQUAL };

const ON_MESSAGE: { readonly [K in MessageKind]: MessageRule<K> } = {
  heartbeat: { number: () => null, when: ALWAYS, act: on_heartbeat },
  // An older proposal is answered, so that its campaigner learns the number to beat.
  campaign: { number: ({ proposal }) => proposal.number, when: ALWAYS, act: on_campaign },
  vote: { number: ({ proposal }) => proposal.number, when: EQUAL, act: on_vote },
  refuse: { ...of_round, act: on_refuse },
  won: {
    number: ({ generation }) => generation.number,
    when: ALWAYS,
    act: (turn, _, { generation }) => learn(turn, generation),
  },
  gather: { ...of_round, act: on_gather },
  report: { ...of_round, act: on_reply },
  inquire: { ...of_round, act: on_inquire },
  answer: { ...of_round, act: on_reply },
  propose: { ...of_round, act: on_propose },
  accept: { ...of_round, act: on_reply },
  stale: { ...of_round, act: on_stale },
  execute: { ...of_round, act: on_execute },
  conclude: { ...of_round, act: on_execute },
  ended: { ...of_round, act: on_reply },
  settle: { ...of_round, act: on_settle },
  settled: { ...of_round, act: on_reply },
  close: { ...of_round, act: on_close },
  horizon: { ...of_round, act: on_horizon },
  ask: { ...of_round, act: on_ask },
  told: { ...of_round, act: on_told },
};

function on_message(turn: Turn, from: NodeId, body: string): void {
  const { config } = turn.state;
  if (!known_nodes(turn.state).includes(from)) return;
  const decoded = decode_message(body, from, config.cluster_name);
  if ('refused' in decoded) {
    refuse_message(turn, from, decoded.refused);
    return;
  }
  const { incarnation, message } = decoded.envelope;
  if (from !== config.node_id && !is_living(turn, from, incarnation)) return;
  obey(turn, from, message);
}

function obey<K extends MessageKind>(turn: Turn, from: NodeId, message: Message): void {
  const rule = ON_MESSAGE[message.kind as K] as MessageRule<K> | undefined;
  if (rule === undefined) {
    refuse_message(turn, from, `its kind "${message.kind}" is not known here`);
    return;
  }
  const number = rule.number(message as MessageOf<K>);
  if (rule.when.includes(relation(turn.state, number))) {
    rule.act(turn, from, message as MessageOf<K>);
  }
}

function relation(state: State, number: number | null): Relation {
  const promised = state.durable.promised?.number ?? 0;
  if (number === null || number === promised) return 'equal';
  return number < promised ? 'older' : 'newer';
}

/** Messages of an incarnation that is over are dropped; a new one is taken note of. */
function is_living(turn: Turn, from: NodeId, incarnation: number): boolean {
  const peer = peer_of(turn.state, from);
  if (incarnation < peer.incarnation) return false;
  if (incarnation > peer.incarnation) {
    const { link, stream } = peer;
    const since_ms = turn.clock.now_ms;
    change_peer(turn, from, { ...UNKNOWN_PEER, link, stream, incarnation, since_ms });
    change_hearing(turn, from, { seq: 0, counted_ms: null });
  } else if (peer.refused !== null) {
    change_peer(turn, from, { refused: null });
  }
  return true;
}

function refuse_message(turn: Turn, from: NodeId, why: string): void {
  if (peer_of(turn.state, from).refused === why) return;
  change_peer(turn, from, { refused: why });
  turn.warn(`refused a message of node ${from}: ${why}`);
}
