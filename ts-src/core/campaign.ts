// Campaigns: when a new generation is needed, and who proposes it.
//
// Needed when there is none; when the members wanted are others (wanted.ts); when one of
// them has started again; when somebody promised a newer number that was not won; when
// work is left that only a ballot of a newer generation can end; when the referee was
// asked about the present one. Proposed by the lowest donor among the members wanted, and
// only when all of these want just this set: so in a quiet cluster there is one
// campaigner, and who sees less than others disturbs nobody. When two meet all the same,
// I3 lets one of them win at most, and the other tries again with a higher number after a
// random while.
import {
  connected_words,
  is_connected,
  known_incarnations,
  missing_edges,
  missing_streams,
  newest_promise,
  connected_nodes,
  peer_of,
} from './connectivity.ts';
import { configured_nodes, known_nodes } from './configured.ts';
import {
  added,
  contains,
  difference,
  intersection,
  same_nodes,
  type NodeId,
  type NodeSet,
} from './node_set.ts';
import { donors_in, lone_referee, major_for, next_configured, wanted_members, wants_same } from './wanted.ts';
import { online_in_of } from './recovery.ts';
import { REFEREE } from './quorum.ts';
import { restarted_members, same_generation, type Generation } from './generation.ts';
import { cast_vote, count_votes, objection } from './vote.ts';
import { learn } from './history.ts';
import { leased_of, leaves_out } from './lease.ts';
import { wanted_generation } from './orphan.ts';
import type { MessageOf } from './message.ts';
import type { Standing } from './state.ts';
import type { Turn } from './turn.ts';

export interface Campaign {
  readonly proposal: Generation;
  readonly votes: NodeSet;
}

/** Why a new generation is needed; null when none is. */
export function need(state: Standing): string | null {
  const { generation } = state.durable;
  if (generation === null) return 'there is none yet';
  const wanted = wanted_members(state);
  if (wanted.length > 0 && !same_nodes(next_configured(state), generation.configured)) {
    return `nodes should be ${next_configured(state).join(', ')}`;
  }
  if (!same_nodes(wanted, generation.members)) return `members should be ${wanted.join(', ')}`;
  const restarted = restarted_members(generation, known_incarnations(state));
  if (restarted.length > 0) return `started again: node ${restarted.join(', ')}`;
  const words = connected_words(state);
  const newest = Math.max(newest_promise(state), ...words.map((said) => said.newest));
  if (newest > generation.number) return `generation ${newest} was not won`;
  const wants = Math.max(wants_newer(state), ...words.map((said) => said.wants));
  if (wants < generation.number) return null;
  if (generation.major !== REFEREE) return 'a transaction was left by its backend';
  return 'a transaction was left by its backend, or the referee was asked';
}

/**
 * This node needs a generation newer than this; 0: it needs none. What the referee has
 * said of one it never takes back: for the next time the two need a newer one.
 */
export function wants_newer(state: Standing): number {
  return Math.max(wanted_generation(state), state.asked_about);
}

/** What keeps the members wanted from forming a generation, for people to read. */
export function obstacles(state: Standing): readonly string[] {
  const configured = configured_nodes(state);
  const wanted = wanted_members(state);
  if (wanted.length === 0) return nobody_wanted(state, configured);
  // Who is just joining has no vote yet on who should be a member.
  const voters = intersection(wanted, configured);
  const others = voters.filter((id) => !wants_same(state, id, wanted));
  if (others.length > 0) return others.map((id) => `node ${id} does not see the same nodes`);
  const leased = wanted.flatMap((id) => leased_at(state, id).map((to) => ({ id, to })));
  if (leased.length > 0) {
    return leased.map(({ id, to }) => `node ${id} waits until node ${to} cannot answer by what it knew before`);
  }
  return missing_streams(state, donors_in(state, wanted), wanted).map(
    ({ from, to }) => `node ${from} does not read the stream of node ${to.join(', ')} yet`,
  );
}

function leased_at(state: Standing, id: NodeId): NodeSet {
  if (id === state.config.node_id) return leased_of(state, leaves_out(state));
  return peer_of(state, id).said?.leased ?? [];
}

function nobody_wanted(state: Standing, configured: NodeSet): readonly string[] {
  const lost = difference(configured, connected_nodes(state));
  if (lost.length > 0) return lost.map((id) => `no connection to node ${id}`);
  return missing_edges(state, configured).map(
    ({ from, to }) => `node ${from} does not hear node ${to.join(', ')}`,
  );
}

/** Who should propose the next generation; null: nobody can now. */
export function campaigner_of(state: Standing): NodeId | null {
  const wanted = wanted_members(state);
  return wanted.length === 0 ? null : Math.min(...donors_in(state, wanted));
}

/** Called on every tick. */
export function consider_campaign(turn: Turn): void {
  const { state, clock } = turn;
  if (state.campaign !== null && !is_viable(state, state.campaign)) {
    fail(turn, 'the nodes changed meanwhile');
    return;
  }
  if (state.campaign !== null || clock.now_ms < state.campaign_after_ms) return;
  if (campaigner_of(state) !== state.config.node_id) return;
  const why = need(state);
  if (why === null || obstacles(state).length > 0) return;
  if (starting_members(state, clock.now_ms).length > 0) return;
  start_campaign(turn, why);
}

/**
 * What has just started again cannot say yet whom it hears. A generation without it
 * would be followed by another one at once.
 */
function starting_members(state: Standing, now_ms: number): NodeSet {
  const { durable, config } = state;
  const here = intersection(durable.generation?.members ?? [], connected_nodes(state));
  return here.filter((id) => {
    const { since_ms, said } = peer_of(state, id);
    // Time for a heartbeat each way.
    const is_new = since_ms !== null && now_ms - since_ms < 2 * config.heartbeat_send_ms;
    return is_new && said !== null && !contains(said.connected, here);
  });
}

function is_viable(state: Standing, { proposal }: Campaign): boolean {
  const { promised } = state.durable;
  if (promised === null || !same_generation(promised, proposal)) return false;
  const newest = Math.max(...connected_words(state).map((said) => said.promised), 0);
  const restarted = restarted_members(proposal, known_incarnations(state));
  return newest <= proposal.number && restarted.length === 0;
}

function start_campaign(turn: Turn, why: string): void {
  const { state } = turn;
  const { config, durable } = state;
  const known = [durable.promised?.number ?? 0, durable.generation?.number ?? 0];
  for (const said of connected_words(state)) {
    known.push(said.newest, said.promised, said.generation?.number ?? 0);
  }
  const members = wanted_members(state);
  const incarnations = known_incarnations(state);
  const proposal: Generation = {
    number: Math.max(...known) + 1,
    campaigner: config.node_id,
    members,
    configured: next_configured(state),
    incarnations: Object.fromEntries(members.map((id) => [id, incarnations[id] ?? 0])),
    online_in: Object.fromEntries(members.map((id) => [id, online_in_of(state, id)])),
    major: major_for(state, members),
  };
  if (objection(state, proposal) !== null) return;
  turn.log(`proposing generation ${proposal.number}: ${why}`);
  const lone = lone_referee(state, proposal);
  if (lone !== null) turn.warn(lone);
  cast_vote(turn, proposal);
  turn.set({ campaign: { proposal, votes: [config.node_id] } });
  canvass(turn);
  conclude(turn, null);
}

/** Ask, again and again, those who have not voted. */
export function canvass(turn: Turn): void {
  const { campaign } = turn.state;
  if (campaign === null) return;
  for (const to of difference(campaign.proposal.members, campaign.votes)) {
    turn.send(to, { kind: 'campaign', proposal: campaign.proposal });
  }
}

export function on_vote(turn: Turn, from: NodeId, message: MessageOf<'vote'>): void {
  const { campaign } = turn.state;
  if (campaign === null || !same_generation(campaign.proposal, message.proposal)) return;
  turn.set({ campaign: { ...campaign, votes: added(campaign.votes, from) } });
  conclude(turn, null);
}

export function on_refuse(turn: Turn, from: NodeId, message: MessageOf<'refuse'>): void {
  const { campaign } = turn.state;
  if (campaign === null || campaign.proposal.number !== message.number) return;
  conclude(turn, `node ${from}: ${message.message}`);
}

function conclude(turn: Turn, refused: string | null): void {
  const { campaign } = turn.state;
  if (campaign === null) return;
  const count = count_votes(campaign.proposal, campaign.votes, refused !== null);
  if (count === 'won') win(turn, campaign.proposal);
  else if (count === 'lost') fail(turn, refused!);
}

function win(turn: Turn, proposal: Generation): void {
  turn.log(`generation ${proposal.number} won: members ${proposal.members.join(', ')}`);
  turn.set({ campaign: null, failed_campaigns: 0 });
  // Also those who are left out for good: nobody else tells them.
  const known = difference(known_nodes(turn.state), [turn.state.config.node_id]);
  learn(turn, proposal);
  for (const to of known.filter((id) => is_connected(turn.state, id) || proposal.members.includes(id))) {
    turn.send(to, { kind: 'won', generation: proposal });
  }
}

function fail(turn: Turn, why: string): void {
  const { campaign, failed_campaigns, config } = turn.state;
  turn.log(`generation ${campaign?.proposal.number} was not won: ${why}`);
  const waits = 2 ** Math.min(failed_campaigns, 4) * (0.5 + turn.clock.random);
  turn.set({
    campaign: null,
    failed_campaigns: failed_campaigns + 1,
    campaign_after_ms: turn.clock.now_ms + config.heartbeat_send_ms * waits,
  });
}
