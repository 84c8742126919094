// Reason: why this node is not online, in words for people; empty when it is.
import { contains, difference, type NodeSet } from './node_set.ts';
import { in_force, is_current } from './force.ts';
import { configured_nodes, is_dropped } from './configured.ts';
import { campaigner_of, need, obstacles } from './campaign.ts';
import { donor_for, is_ready } from './recovery.ts';
import { connected_nodes, peer_of } from './connectivity.ts';
import { referee_reason } from './referee.ts';
import { is_left_out } from './lease.ts';
import { resolver_of } from './generation.ts';
import type { Standing } from './state.ts';
import { per_state } from './per_state.ts';
import { status_of } from './status.ts';

export const reason_for = per_state((state: Standing): string => {
  const status = status_of(state);
  if (status === 'online') return '';
  if (is_dropped(state) || !state.listed.includes(state.config.node_id)) {
    const { why_dropped: why } = state;
    return `it was dropped from the cluster${why === '' ? '' : `: ${why}; rebuild it with multimaster join`}`;
  }
  if (status === 'isolated') return lost_peers(state);
  const { campaign } = state;
  if (campaign !== null) {
    const silent = difference(campaign.proposal.members, campaign.votes);
    return `waiting for the vote of ${nodes(silent)} for generation ${campaign.proposal.number}`;
  }
  const generation = in_force(state);
  const donor = donor_for(state);
  if (state.stopped.includes(state.config.node_id)) return stopped(donor);
  if (donor < 0) return 'it was away, and no node to recover from is connected';
  if (donor > 0) {
    const reads = `it was away: reading what it missed from node ${donor}`;
    return generation === null && is_ready(state) ? `${reads}; ${not_taken_in(state)}` : reads;
  }
  if (generation === null || !is_current(state, generation)) return no_generation(state);
  if (is_left_out(state)) return 'others are about to go on without it, as it does not hear all of them';
  return recovery(state);
});

function stopped(donor: number): string {
  const reads = donor > 0 ? `; it goes on reading what node ${donor} commits` : '';
  return `it was stopped by mtm.stop_node(), and waits for mtm.resume_node()${reads}`;
}

function lost_peers(state: Standing): string {
  const lost = difference(configured_nodes(state), connected_nodes(state));
  const each = lost.map((id) => {
    const { link, refused } = peer_of(state, id);
    if (refused !== null) return `node ${id}: its message is refused, ${refused}`;
    return link ? `node ${id}: no heartbeat` : `node ${id}: no link`;
  });
  const undecided = referee_reason(state);
  return `waiting for ${each.join('; ')}${undecided === null ? '' : `; ${undecided}`}`;
}

/** It has nearly caught up: that is not what keeps it from being a member. */
function not_taken_in(state: Standing): string {
  const all = contains(connected_nodes(state), configured_nodes(state));
  return all ? no_generation(state) : lost_peers(state);
}

function no_generation(state: Standing): string {
  const obstacle = obstacles(state);
  if (obstacle.length > 0) return `waiting for a generation: ${obstacle.join('; ')}`;
  const why = need(state) ?? 'the newest is not this one';
  return `waiting for node ${campaigner_of(state)} to propose one: ${why}`;
}

function recovery(state: Standing): string {
  const generation = in_force(state)!;
  const undecided = Object.entries(state.tenure.undecided);
  if (undecided.length > 0) {
    const some = undecided.slice(0, 3).map(([gid, why]) => `${gid} (${why})`);
    return `${undecided.length} transactions cannot be resolved: ${some.join('; ')}`;
  }
  const { execution, round } = state.tenure;
  if (execution !== null) return `ending ${execution.left.length} older transactions here`;
  if (round === null) return `node ${resolver_of(generation)} is ending older transactions`;
  const silent = difference(generation.members, Object.keys(round.answered).map(Number));
  return `ending older transactions: waiting for ${nodes(silent)} to answer "${round.phase}"`;
}

function nodes(set: NodeSet): string {
  return `node ${set.join(', ')}`;
}
