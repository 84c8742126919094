// Votes for generations. A node votes for at most one proposal per number, and the vote
// is durable before it is sent (I3). Voting is moving: from then on this node takes part
// in no older generation (I2), so a vote is given only where the generation can work.
import { connected_nodes, streaming_nodes } from './connectivity.ts';
import { contains, difference, intersection, same_nodes, type NodeSet } from './node_set.ts';
import { is_half, is_quorum } from './quorum.ts';
import { leased_of } from './lease.ts';
import { configured_nodes, is_quorum_here, may_name_configured, tie_breaker, with_pending } from './configured.ts';
import { donors, is_well_formed, same_generation, type Generation } from './generation.ts';
import { kept_members } from './wanted.ts';
import { refusal, type Refusal } from './refusal.ts';
import { NEW_TENURE, type Standing } from './state.ts';
import type { MessageOf } from './message.ts';
import type { NodeId } from './node_set.ts';
import type { Turn } from './turn.ts';

export type Count = 'won' | 'lost' | 'pending';

/** Won when a quorum and every proposed member voted for it; one refusal is enough. */
export function count_votes(proposal: Generation, votes: NodeSet, refused: boolean): Count {
  if (refused) return 'lost';
  const all = contains(votes, proposal.members);
  return all && is_quorum(proposal.configured, votes, proposal.major) ? 'won' : 'pending';
}

/** Why this node does not vote for the proposal; null when it does. */
export function objection(state: Standing, proposal: Generation): Refusal | null {
  const { config, durable } = state;
  const newest = Math.max(durable.promised?.number ?? 0, durable.generation?.number ?? 0);
  if (proposal.number <= newest) {
    return refusal('older_number', `it has voted for generation ${newest}`);
  }
  if (!is_well_formed(proposal) || !proposal.members.includes(config.node_id)) {
    return refusal('not_configured', 'the proposal does not name it among its members');
  }
  if (!may_name_configured(state, proposal)) {
    return refusal('configured_differs', 'its list of nodes is another one');
  }
  if (!is_quorum(proposal.configured, proposal.members, proposal.major)) {
    return refusal('no_quorum', 'the proposed members are no quorum');
  }
  if (!is_quorum_here(state, proposal.members)) {
    return refusal('no_quorum', 'the proposed members are none by what it has voted for');
  }
  if (!may_name_major(state, proposal)) {
    return refusal('major_differs', 'its major node is another one');
  }
  if (proposal.incarnations[config.node_id] !== durable.incarnation) {
    return refusal('incarnation', 'it has started again since');
  }
  if (proposal.online_in[config.node_id] !== durable.online_in) {
    return refusal('online_in', `it was online last in generation ${durable.online_in}`);
  }
  return edge_objection(state, proposal) ?? lease_objection(state, proposal);
}

/** The major node changes only with all nodes; a half names the node by which it is a quorum. */
function may_name_major(state: Standing, proposal: Generation): boolean {
  if (same_nodes(proposal.members, proposal.configured)) return true;
  if (is_half(proposal.configured, proposal.members)) return proposal.major === tie_breaker(state);
  return proposal.major === (state.durable.generation?.major ?? 0);
}

function edge_objection(state: Standing, proposal: Generation): Refusal | null {
  const unseen = difference(proposal.members, connected_nodes(state));
  if (unseen.length > 0) {
    return refusal('not_connected', `it is not connected to node ${unseen.join(', ')}`);
  }
  const unread = difference(proposal.members, streaming_nodes(state));
  // Who was away reads its donor first.
  if (unread.length > 0 && donors(proposal).includes(state.config.node_id)) {
    return refusal('no_stream', `it does not read the stream of node ${unread.join(', ')}`);
  }
  const kept = intersection(kept_members(state), proposal.configured);
  const dropped = difference(kept, proposal.members);
  if (dropped.length > 0) {
    return refusal('drops_wanted_node', `it would lose node ${dropped.join(', ')}`);
  }
  return null;
}

function lease_objection(state: Standing, { members }: Generation): Refusal | null {
  const leased = leased_of(state, difference(configured_nodes(state), members));
  if (leased.length === 0) return null;
  return refusal('leased', `node ${leased.join(', ')} may answer statements for a moment yet`);
}

/** Vote: durable first, then published and drained, then sent. */
export function cast_vote(turn: Turn, proposal: Generation): void {
  turn.save({
    promised: proposal,
    pending: with_pending(turn.state.durable.pending, proposal),
  });
  turn.set({
    tenure: NEW_TENURE,
    asked: {},
    generations_seen: turn.state.generations_seen + 1,
  });
}

export function on_campaign(turn: Turn, from: NodeId, message: MessageOf<'campaign'>): void {
  const { proposal } = message;
  const { promised } = turn.state.durable;
  if (promised === null || !same_generation(promised, proposal)) {
    const objected = objection(turn.state, proposal);
    if (objected !== null) {
      turn.send(from, { kind: 'refuse', number: proposal.number, ...objected });
      if (objected.code !== 'older_number') {
        const { number } = proposal;
        turn.log(`did not vote for generation ${number} of node ${from}: ${objected.message}`);
      }
      return;
    }
    turn.set({ campaign: null });
    cast_vote(turn, proposal);
  }
  turn.send(from, { kind: 'vote', proposal });
}
