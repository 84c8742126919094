// Generation: a numbered set of nodes that must all take part in every commit. It is
// agreed by votes (vote.ts); its number only grows; its members contain a quorum (I1).
// A generation was agreed with one incarnation of each member: a member that started
// again since is not in it any more, and a newer generation is needed.
//
// The record also says in which generation each member was online last. So who may
// speak about older work, its donors, is the same for all (docs/majority.md, 1).
import { contains, same_nodes, type NodeId, type NodeSet } from './node_set.ts';
import type { Major } from './quorum.ts';

export interface Generation {
  readonly number: number;
  /** Who proposed it: with the number, this names the proposal. */
  readonly campaigner: NodeId;
  readonly members: NodeSet;
  readonly configured: NodeSet;
  readonly incarnations: Readonly<Record<NodeId, number>>;
  /** The newest generation in which each member was online when it voted. */
  readonly online_in: Readonly<Record<NodeId, number>>;
  /**
   * Breaks the tie of two halves. Changes only with all nodes as members; but of one node
   * that the referee chose it is that node.
   */
  readonly major: Major;
}

export function same_generation(a: Generation, b: Generation): boolean {
  return (
    a.number === b.number &&
    a.campaigner === b.campaigner &&
    same_nodes(a.members, b.members) &&
    same_nodes(a.configured, b.configured) &&
    a.major === b.major &&
    a.members.every(
      (id) => a.incarnations[id] === b.incarnations[id] && a.online_in[id] === b.online_in[id],
    )
  );
}

/** Are they of one campaign? Its record is one; of one number only one campaign is won. */
export function same_proposal(a: Generation, b: Generation): boolean {
  return a.number === b.number && a.campaigner === b.campaigner;
}

/** The newest generation in which any member was online: nothing newer was committed. */
export function base(generation: Generation): number {
  return Math.max(...generation.members.map((id) => generation.online_in[id] ?? 0));
}

/** Members that have everything older than the base. The others were away. */
export function donors(generation: Generation): NodeSet {
  const newest = base(generation);
  return generation.members.filter((id) => (generation.online_in[id] ?? 0) === newest);
}

/** The one proposer of this generation's ballots. */
export function resolver_of(generation: Generation): NodeId {
  return Math.min(...donors(generation));
}

/** Members that have started again since the generation was agreed. */
export function restarted_members(
  generation: Generation,
  incarnations: Readonly<Record<NodeId, number>>,
): NodeSet {
  return generation.members.filter((id) => {
    const now = incarnations[id];
    return now !== undefined && now !== generation.incarnations[id];
  });
}

/** Is the record whole: members configured, one incarnation for each? */
export function is_well_formed(generation: Generation): boolean {
  return (
    generation.number > 0 &&
    generation.members.length > 0 &&
    contains(generation.configured, generation.members) &&
    generation.members.includes(generation.campaigner) &&
    generation.members.every((id) => (generation.incarnations[id] ?? 0) > 0) &&
    generation.members.every((id) => (generation.online_in[id] ?? -1) >= 0)
  );
}

/** Members of generation `number`, if one of these records names it. */
export function members_of(history: readonly Generation[], number: number): NodeSet | null {
  return history.find((generation) => generation.number === number)?.members ?? null;
}
