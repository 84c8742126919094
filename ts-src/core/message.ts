// Messages between control planes. They may be lost, repeated, late or out of order:
// each one says of which generation and round it is, and its sender repeats it from
// its state until it is answered.
//
//   heartbeat                                        everybody, always
//   campaign -> vote | refuse,  won                  a generation (vote.ts, campaign.ts)
//   gather -> report                                 what older work is there?
//   inquire -> answer                                what has each member of it?
//   propose -> accept | stale                        the ballot
//   execute -> ended,  conclude -> ended,  close     its outcome
//   settle -> settled                                nothing older is left
//   horizon                                          what slots may forget (horizon.ts)
//   ask -> told                                      a user's decision (decide.ts)
import type { Ballot, Value } from './ballot.ts';
import type { Generation } from './generation.ts';
import type { Gid } from './gid.ts';
import type { Holding } from './holding.ts';
import type { NodeId, NodeSet } from './node_set.ts';
import type { Decision } from './pick.ts';
import type { RefusalCode } from './refusal.ts';
import type { Status } from './status.ts';

export interface Heartbeat {
  readonly kind: 'heartbeat';
  readonly seq: number;
  readonly status: Status;
  readonly connected: NodeSet;
  readonly streams: NodeSet;
  /** Number of the newest generation it voted for: it takes part in no older one. */
  readonly promised: number;
  /** The newest generation it knows to be won. */
  readonly generation: Generation | null;
  /** The newest generation in which it was online. */
  readonly online_in: number;
  /** Its WAL has nothing from before this generation. */
  readonly born: number;
  /** It missed what others have committed; its stream is none to recover from. */
  readonly away: boolean;
  /** It has nearly caught up: others may wait for it. */
  readonly ready: boolean;
  /** What it has left to read of its donor's WAL; null: it reads none. */
  readonly recovery: RecoveryLeft | null;
  /** The members that it wants, empty for none. */
  readonly wanted: NodeSet;
  readonly wanted_configured: NodeSet;
  /** Whom the next generation will leave out: who is online shall let go of its lease. */
  readonly leaves_out: NodeSet;
  /** Of them, those for whose lease it still waits. */
  readonly leased: NodeSet;
  /** Heartbeats of others that said they are not online: their leases are over. */
  readonly let_go: Readonly<Record<NodeId, Heard>>;
  /** Heartbeats for which it grants others a lease (lease.ts). */
  readonly heard: Readonly<Record<NodeId, Heard>>;
  /** The list of nodes, as it is there. */
  readonly listed: NodeSet;
  /** Its own setting. */
  readonly major_node: boolean;
  /** Its own setting. */
  readonly referee: boolean;
  /** The newest generation that it, or a node connected with it, voted for. */
  readonly newest: number;
  /** It needs a generation newer than this one; 0: none. */
  readonly wants: number;
  /** Rounds closed there in generation `promised`, and whether its older work is over. */
  readonly closed: number;
  readonly open: boolean;
}

export interface Heard {
  readonly incarnation: number;
  readonly seq: number;
}

export interface RecoveryLeft {
  readonly lag_bytes: number;
  /** null: not known. */
  readonly time_left_ms: number | null;
}

interface InRound {
  readonly number: number;
  readonly seq: number;
}

export interface Report extends InRound {
  readonly kind: 'report';
  readonly gids: readonly Gid[];
  /** Are there more than `gids`? */
  readonly more: boolean;
}

export interface AcceptedHere {
  readonly ballot: Ballot;
  readonly value: Value;
  /** It has, or had, the transaction. */
  readonly had: boolean;
}

export interface Answer extends InRound {
  readonly kind: 'answer';
  readonly holdings: Readonly<Record<Gid, Holding>>;
  readonly accepted: Readonly<Record<Gid, AcceptedHere>>;
  /** The newest generation in which it was online; everything older has ended there. */
  readonly online_in: number;
  /** Of older generations than this, what is not accepted anywhere was never committed. */
  readonly settled: number;
  /** Every ballot up to this one is over: ended on all its members, or never executed. */
  readonly closed: Ballot;
  /** Generations that it took part in and whose work may still be open. */
  readonly history: readonly Generation[];
}

export interface Propose extends InRound {
  readonly kind: 'propose';
  readonly values: Readonly<Record<Gid, Value>>;
  /** A user's gids: the local xid that the receiver answered with, and must still have. */
  readonly meant: Readonly<Record<Gid, string | null>>;
}

/** What a heartbeat says of its sender, and repeats until that changes. */
export type Words = Omit<Heartbeat, 'seq' | 'heard' | 'let_go'>;

export type Told = 'absent' | 'later';

export type Message =
  | Heartbeat
  | { readonly kind: 'campaign'; readonly proposal: Generation }
  | { readonly kind: 'vote'; readonly proposal: Generation }
  | {
      readonly kind: 'refuse';
      readonly number: number;
      readonly code: RefusalCode;
      readonly message: string;
    }
  | { readonly kind: 'won'; readonly generation: Generation }
  /** Asks for names behind `after`: those before it are dealt with. */
  | ({ readonly kind: 'gather'; readonly after: Gid } & InRound)
  | Report
  | ({
      readonly kind: 'inquire';
      readonly gids: readonly Gid[];
      /** The generation is open: this round is about users' decisions. */
      readonly open: boolean;
    } & InRound)
  | Answer
  | Propose
  | ({ readonly kind: 'accept' } & InRound)
  | ({ readonly kind: 'stale'; readonly gid: Gid } & InRound)
  | ({ readonly kind: 'execute' } & InRound)
  | ({ readonly kind: 'conclude' } & InRound)
  | ({ readonly kind: 'ended'; readonly phase: 'execute' | 'conclude' } & InRound)
  | ({ readonly kind: 'settle' } & InRound)
  | ({ readonly kind: 'settled' } & InRound)
  | ({ readonly kind: 'close'; readonly open: boolean } & InRound)
  | {
      readonly kind: 'horizon';
      readonly number: number;
      readonly position: string;
      readonly received: Readonly<Record<NodeId, string>>;
    }
  | {
      readonly kind: 'ask';
      readonly number: number;
      readonly decisions: Readonly<Record<Gid, Decision>>;
    }
  | {
      readonly kind: 'told';
      readonly number: number;
      readonly answers: Readonly<Record<Gid, Told>>;
    };

export type MessageKind = Message['kind'];
export type MessageOf<K extends MessageKind> = Extract<Message, { readonly kind: K }>;

/** What surrounds every message on the link. */
export interface Envelope {
  readonly version: number;
  readonly cluster: string;
  readonly from: NodeId;
  /** The sender's incarnation. */
  readonly incarnation: number;
  readonly message: Message;
}

export const MESSAGE_VERSION = 1;

export function encode_message(envelope: Envelope): string {
  return JSON.stringify(envelope);
}

export type Decoded =
  | { readonly envelope: Envelope }
  | { readonly refused: string };

/** A message of another version, cluster or node is refused, with the reason. */
export function decode_message(text: string, from: NodeId, cluster: string): Decoded {
  const envelope = parsed(text);
  if (envelope === null) return { refused: 'it is not a message of the control plane' };
  if (envelope.version !== MESSAGE_VERSION) {
    return { refused: `it has format version ${envelope.version}, not ${MESSAGE_VERSION}` };
  }
  if (envelope.cluster !== cluster) {
    return { refused: `it is of cluster "${envelope.cluster}", this is "${cluster}"` };
  }
  if (envelope.from !== from) {
    return { refused: `it calls itself node ${envelope.from}: check multimaster.node_id` };
  }
  return { envelope };
}

function parsed(text: string): Envelope | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { incarnation, message } = value as Partial<Envelope>;
  const kind = (message as { kind?: unknown } | null | undefined)?.kind;
  if (!Number.isInteger(incarnation) || typeof kind !== 'string') return null;
  return value as Envelope;
}
