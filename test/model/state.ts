// State of the model: one transaction of generation 1, coordinated by node 1, which has
// just prepared it. All of it is immutable, so that equal parts are shared.
import { NO_BALLOT, type Accepted, type Ballot, type Value } from '../../ts-src/core/ballot.ts';
import type { Answer } from '../../ts-src/core/message.ts';
import type { Generation } from '../../ts-src/core/generation.ts';
import type { Major } from '../../ts-src/core/quorum.ts';
import type { Ruling } from '../../ts-src/core/referee.ts';
import type { NodeId, NodeSet } from '../../ts-src/core/node_set.ts';

export const COORDINATOR: NodeId = 1;
export const GID = 'MTM-1-7-1-1-0';
export const XID = '7';

/** One rule broken on purpose. */
export type Mutation =
  | 'majority_commit'
  | 'lone_abort'
  | 'early_execution'
  | 'old_driver'
  | 'away_none_counts'
  | 'away_prepared_counts'
  | 'forgotten_outcome'
  | 'any_half'
  | 'not_settled'
  | 'settled_closes'
  | 'old_choice'
  | 'asks_ahead'
  | 'alone_after_settling';

export interface Setting {
  readonly nodes: number;
  /** How many are won at most, the first included. */
  readonly generations: number;
  readonly major: Major;
  /** Members of generation 1; the others never were online. */
  readonly members?: NodeSet;
  readonly mutation?: Mutation;
}

export interface Node {
  /**
   * The generation in which it takes part; 0: none. That is so from a crash, or from a vote
   * for a newer proposal, until a generation is won with it as a member.
   */
  readonly acts_in: number;
  readonly online_in: number;
  /** It voted when it was online last in this older one; that vote is not counted yet. */
  readonly voted_as: number | null;
  readonly settled: number;
  /** `commit` and `abort` are executed; a participant answers an executed abort as none. */
  readonly has: 'none' | 'prepared' | Value;
  /** To the coordinator. After a no, or a rollback at its request, it never has it. */
  readonly reply: 'yes' | 'no' | null;
  readonly accepted: Accepted | null;
  readonly closed: Ballot;
  /** A question to the referee on its way: the generation it is about; 0: none. */
  readonly asks: number;
  /** The newest generation for which the referee chose it. */
  readonly chosen: number;
}

/** A generation that was won, and its round. One is enough for one transaction. */
export interface Won {
  readonly record: Generation;
  /** Given before what the member has changed. The others' are as they are now. */
  readonly answers: Readonly<Record<NodeId, Answer>>;
  readonly value: Value | 'nothing' | null;
  readonly accepted: NodeSet;
  readonly settled: NodeSet;
}

export interface State {
  /** Index 0 is unused, so that nodes stand at their ids. */
  readonly nodes: readonly Node[];
  /** By number, from 2 on. `over`: nobody acts by it any more. */
  readonly won: readonly (Won | 'over' | null)[];
  /** The referee's register. */
  readonly held: Ruling | null;
  /** The coordinator's backend. */
  readonly driver: 'driving' | 'aborting' | 'gone';
  /** It asked the participants to roll back; such a request may arrive late. */
  readonly asked: boolean;
}

export function all_nodes({ nodes }: Setting): NodeSet {
  return Array.from({ length: nodes }, (_, i) => i + 1);
}

export function first_members(setting: Setting): NodeSet {
  return setting.members ?? all_nodes(setting);
}

export function first_state(setting: Setting): State {
  const node = (id: NodeId): Node => {
    const number = first_members(setting).includes(id) ? 1 : 0;
    return {
      acts_in: number,
      online_in: number,
      voted_as: null,
      settled: number,
      has: id === COORDINATOR ? 'prepared' : 'none',
      reply: null,
      accepted: null,
      closed: NO_BALLOT,
      asks: 0,
      chosen: 0,
    };
  };
  return {
    nodes: [0, ...all_nodes(setting)].map(node),
    won: Array.from({ length: setting.generations + 1 }, () => null),
    held: null,
    driver: 'driving',
    asked: false,
  };
}

export function first_record(setting: Setting): Generation {
  const members = first_members(setting);
  const each = Object.fromEntries(members.map((id) => [id, 1]));
  const configured = all_nodes(setting);
  const { major } = setting;
  return { number: 1, campaigner: 1, members, configured, incarnations: each, online_in: each, major };
}

export function won_in(s: State, number: number): Won | null {
  const won = s.won[number] ?? null;
  return won === 'over' ? null : won;
}

export function with_node(s: State, id: NodeId, change: Partial<Node>): State {
  return { ...s, nodes: s.nodes.with(id, { ...s.nodes[id]!, ...change }) };
}

export function with_won(s: State, number: number, change: Won | 'over'): State {
  return { ...s, won: s.won.with(number, change) };
}

/** A node executes an outcome. A backend that waits for it tells its client just that. */
export function with_outcome(s: State, id: NodeId, value: Value): State {
  const ended = with_node(s, id, { has: value });
  return id === COORDINATOR ? { ...ended, driver: 'gone' } : ended;
}
