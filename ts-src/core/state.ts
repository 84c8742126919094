// The whole state of one node's control plane. It is never changed in place: a step
// makes the next one. `durable` is on disk before anything that follows from it leaves
// the node; all else is gone with the process, and everything is rebuilt without it.
import { NO_BALLOT, type AcceptedValues, type Ballot } from './ballot.ts';
import type { Hearing, Peer } from './connectivity.ts';
import type { Campaign } from './campaign.ts';
import type { View } from './effect.ts';
import type { Executed, Execution } from './acceptor.ts';
import type { Generation } from './generation.ts';
import type { Gid } from './gid.ts';
import type { Horizons } from './horizon.ts';
import type { Beat } from './lease.ts';
import type { Major } from './quorum.ts';
import type { Recovery } from './recovery.ts';
import type { NodeId, NodeSet } from './node_set.ts';
import type { Decision } from './pick.ts';
import type { Asked } from './decide.ts';
import type { Round } from './round.ts';
import type { Ruling } from './referee.ts';

export interface Config {
  readonly node_id: NodeId;
  /** As the settings say; it holds until the first generation is won. */
  readonly configured: NodeSet;
  /** The nodes in the list at the start. */
  readonly listed: NodeSet;
  /** A new node begins as a copy of this one, and can recover from it only; 0: from any. */
  readonly source: NodeId | 0;
  readonly cluster_name: string;
  readonly heartbeat_send_ms: number;
  readonly heartbeat_recv_ms: number;
  /** This node's own setting: it breaks the tie of two halves. */
  readonly major_node: boolean;
  /** This node's own setting: of two nodes, a referee breaks the tie. */
  readonly referee: boolean;
  /** It is not asked sooner than that after a start. */
  readonly referee_grace_ms: number;
  /** A node that recovers is ready to be a member when it lags less than this. */
  readonly min_recovery_lag_bytes: number;
}

export interface Pending {
  readonly number: number;
  readonly configured: NodeSet;
  readonly major: Major;
}

export interface Durable {
  /** Grows at every start; saved before anything else is done. */
  readonly incarnation: number;
  /** The last vote. Its generation is the newest this node takes part in (I2, I3). */
  readonly promised: Generation | null;
  /** The newest generation known to be won. */
  readonly generation: Generation | null;
  /**
   * Votes since that one, of which each may have been won: of those with the same configured
   * set and major node the newest.
   */
  readonly pending: readonly Pending[];
  /** The newest generation in which this node was online; saved before it acts so. */
  readonly online_in: number;
  /** Of a node that joined: the first one. Its WAL has nothing from before; 0: it founded. */
  readonly born: number;
  /**
   * The newest generation of which this node knows that all older work is settled: what
   * has no accepted value and its donors had not executed will never be committed. Every
   * member knows it before the first one is online.
   */
  readonly settled: number;
  /** Won generations whose work may still be open, oldest first. */
  readonly history: readonly Generation[];
  readonly accepted: AcceptedValues;
  /** Every ballot up to this one is over: ended on all its members, or never executed. */
  readonly closed: Ballot;
}

/** What is done in the promised generation; begins anew with each vote. */
export interface Tenure {
  /** The last round that is over here. */
  readonly closed: number;
  /** Is the work of older generations over on all members? */
  readonly open: boolean;
  readonly execution: Execution | null;
  /** The last phase executed here to its end. */
  readonly executed: Executed;
  /** Resolver only. */
  readonly round: Round | null;
  readonly last_seq: number;
  /** Resolver: names up to this one are dealt with. */
  readonly gathered: Gid;
  /** Gids that the last round found no value for, and why. */
  readonly undecided: Readonly<Record<Gid, string>>;
}

export const NEW_TENURE: Tenure = {
  closed: 0,
  open: false,
  execution: null,
  executed: { seq: 0, phase: 'conclude', held: [] },
  round: null,
  last_seq: 0,
  gathered: '',
  undecided: {},
};

export interface State {
  readonly config: Config;
  /** The nodes that the cluster should consist of (configured.ts). */
  readonly listed: NodeSet;
  /** Of them, those that shall be no members for now (wanted.ts). */
  readonly stopped: NodeSet;
  /** Where this node is not listed. */
  readonly why_dropped: string;
  readonly durable: Durable;
  readonly peers: Readonly<Record<NodeId, Peer>>;
  readonly hearing: Readonly<Record<NodeId, Hearing>>;
  readonly ruling: Ruling | null;
  /** The newest generation that this process asked the referee about. */
  readonly asked_about: number;
  /** Not before: a node that starts first shall not win against one that starts as well. */
  readonly ask_referee_after_ms: number;
  readonly campaign: Campaign | null;
  readonly failed_campaigns: number;
  readonly campaign_after_ms: number;
  readonly tenure: Tenure;
  /** Decisions of users of this node, until their outcome is executed here. */
  readonly decisions: Readonly<Record<Gid, Decision>>;
  /** Not asked for any more, but somebody may wait for them here until they are executed. */
  readonly dropped: Readonly<Record<Gid, Decision>>;
  /** Resolver: decisions that members asked for. */
  readonly asked: Readonly<Record<Gid, Asked>>;
  /** gid -> a generation newer than this one is needed to end it. */
  readonly orphans: Readonly<Record<Gid, number>>;
  /** Prepared here at the last survey, and driven by nobody. */
  readonly suspects: readonly Gid[];
  readonly survey_after_ms: number;
  readonly retry_after_ms: number;
  readonly heartbeat_after_ms: number;
  readonly heartbeat_seq: number;
  /** Those that others may grant a lease for (lease.ts). */
  readonly beats: readonly Beat[];
  /** Monotonic time of the start. */
  readonly started_ms: number;
  /** So short after the start that leases may hold which this node granted before. */
  readonly may_have_granted: boolean;
  /** What the last heartbeat said, without its number. */
  readonly heartbeat_said: string;
  /** What the recovery process said last; of the donor of the present view. */
  readonly recovery: Recovery | null;
  readonly horizons: Horizons;
  readonly measure_after_ms: number;
  /** The generation whose mark this process has written. */
  readonly marked: number;
  readonly view: View | null;
  readonly view_since_wall_ms: number;
  /** Generations this node moved to since it started. */
  readonly generations_seen: number;
  /** Why it is not online. */
  readonly reason: string;
  readonly reason_since_ms: number;
  readonly reason_logged: string;
}

/** Times and counts, which nearly every step changes: nothing that nodes agree on hangs on them. */
export const PASSING = [
  'hearing',
  'ask_referee_after_ms',
  'failed_campaigns',
  'campaign_after_ms',
  'survey_after_ms',
  'retry_after_ms',
  'heartbeat_after_ms',
  'heartbeat_seq',
  'heartbeat_said',
  'beats',
  'started_ms',
  'horizons',
  'measure_after_ms',
  'marked',
  'view_since_wall_ms',
  'generations_seen',
  'reason',
  'reason_since_ms',
  'reason_logged',
] as const satisfies readonly (keyof State)[];

/** All the rest: what rules compute of it holds until it changes (per_state.ts). */
export type Standing = Omit<State, (typeof PASSING)[number]>;

export const NEW_DURABLE: Durable = {
  incarnation: 0,
  online_in: 0,
  born: 0,
  settled: 0,
  promised: null,
  generation: null,
  pending: [],
  history: [],
  accepted: {},
  closed: NO_BALLOT,
};

/** The state at a start: a new incarnation, which the shell saves before anything else. */
export function initial_state(config: Config, saved: Durable | null): State {
  const before = saved ?? NEW_DURABLE;
  return {
    config,
    listed: config.listed,
    stopped: [],
    why_dropped: '',
    durable: { ...before, incarnation: before.incarnation + 1 },
    peers: {},
    hearing: {},
    ruling: null,
    asked_about: 0,
    ask_referee_after_ms: 0,
    campaign: null,
    failed_campaigns: 0,
    campaign_after_ms: 0,
    tenure: NEW_TENURE,
    decisions: {},
    dropped: {},
    asked: {},
    orphans: {},
    suspects: [],
    survey_after_ms: 0,
    retry_after_ms: 0,
    heartbeat_after_ms: 0,
    heartbeat_seq: 0,
    beats: [],
    started_ms: 0,
    may_have_granted: saved !== null,
    heartbeat_said: '',
    recovery: null,
    horizons: {},
    measure_after_ms: 0,
    marked: 0,
    view: null,
    view_since_wall_ms: 0,
    generations_seen: 0,
    reason: '',
    reason_since_ms: 0,
    reason_logged: '',
  };
}
