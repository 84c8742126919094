// Status: what a node promises about itself. Only `online` lets transactions commit.
//
//                  sees enough nodes
//     isolated <----------------------> disabled   no generation yet
//        ^  ^                              | votes
//        |  |       loses sight of them    v
//        |  +--------------------------- recovery   member of a generation; work of
//        |                                 |   ^    older ones is not over, or it is
//        |                         it is   |   |    not won yet
//        |                         over    v   |  votes for a newer one
//        +------------------------------ online     has every transaction of older
//                                                   generations
//
// `catchup` is a node that reads a donor while the others do not wait for it.
import { in_force, is_current } from './force.ts';
import { connected_nodes } from './connectivity.ts';
import { contains, type NodeSet } from './node_set.ts';
import type { State } from './state.ts';

export type Status = 'isolated' | 'disabled' | 'catchup' | 'recovery' | 'online';

/**
 * May a node that sees `connected` go on? Here only all together do: a member that is
 * lost stops everybody. Its replacement by a quorum (quorum.ts) is for generations of
 * fewer members, which nobody proposes yet.
 */
export function sees_enough(configured: NodeSet, connected: NodeSet): boolean {
  return contains(connected, configured);
}

export function status_of(state: State): Status {
  if (!sees_enough(state.config.configured, connected_nodes(state))) return 'isolated';
  if (state.durable.promised === null) return 'disabled';
  const generation = in_force(state);
  const ready = generation !== null && is_current(state, generation) && state.tenure.open;
  return ready ? 'online' : 'recovery';
}
