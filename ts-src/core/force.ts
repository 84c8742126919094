// Is the newest generation this node voted for also won, and still good?
import { restarted_members, same_proposal, type Generation } from './generation.ts';
import { known_incarnations } from './connectivity.ts';
import type { Standing } from './state.ts';

/**
 * The generation in which this node takes part: it voted for no newer one, it is won,
 * and this incarnation of this node is the one that it was agreed with.
 */
export function in_force(state: Standing): Generation | null {
  const { promised, generation, incarnation } = state.durable;
  if (promised === null || generation === null) return null;
  if (!same_proposal(promised, generation)) return null;
  return generation.incarnations[state.config.node_id] === incarnation ? generation : null;
}

/** Is every member still in the incarnation that the generation was agreed with? */
export function is_current(state: Standing, generation: Generation): boolean {
  return restarted_members(generation, known_incarnations(state)).length === 0;
}
