// Generation: a numbered set of nodes that must all take part in every commit. It is
// agreed by votes (vote.ts); its number only grows; its members contain a quorum (I1).
// A generation was agreed with one incarnation of each member: a member that started
// again since is not in it any more, and a newer generation is needed.
import { contains, same_nodes, type NodeId, type NodeSet } from './node_set.ts';

export interface Generation {
  readonly number: number;
  /** Who proposed it: with the number, this names the proposal. */
  readonly campaigner: NodeId;
  readonly members: NodeSet;
  readonly configured: NodeSet;
  readonly incarnations: Readonly<Record<NodeId, number>>;
}

export function same_generation(a: Generation, b: Generation): boolean {
  return (
    a.number === b.number &&
    a.campaigner === b.campaigner &&
    same_nodes(a.members, b.members) &&
    same_nodes(a.configured, b.configured) &&
    a.members.every((id) => a.incarnations[id] === b.incarnations[id])
  );
}

/** The one proposer of this generation's ballots. */
export function resolver_of(generation: Generation): NodeId {
  return Math.min(...generation.members);
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
    generation.members.every((id) => (generation.incarnations[id] ?? 0) > 0)
  );
}

/** Members of generation `number`, if one of these records names it. */
export function members_of(history: readonly Generation[], number: number): NodeSet | null {
  return history.find((generation) => generation.number === number)?.members ?? null;
}
