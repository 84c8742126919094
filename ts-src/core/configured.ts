// Configured: which nodes the cluster consists of, and how that changes
// (docs/membership.md). The list of nodes is replicated data; it becomes true, one node at a time,
// by generations whose record names another configured set.
import { added, contains, difference, intersection, node_set, same_nodes } from './node_set.ts';
import type { NodeId, NodeSet } from './node_set.ts';
import { base, type Generation } from './generation.ts';
import { goes_on_alone } from './referee.ts';
import { is_quorum, meets_every_quorum, REFEREE, type Major } from './quorum.ts';
import type { Pending, Standing } from './state.ts';

/** By the newest record known to be won; before the first one, by this node's settings. */
export function configured_nodes({ durable, config }: Standing): NodeSet {
  return durable.generation?.configured ?? config.configured;
}

/** All that this node speaks with: those who learn as well. */
export function known_nodes(state: Standing): NodeSet {
  const configured = configured_nodes(state);
  // Nearly always; and this is asked many times in a step.
  if (contains(configured, state.listed)) return configured;
  return node_set([...configured, ...state.listed]);
}

/** Is this node out, for good? */
export function is_dropped(state: Standing): boolean {
  const { durable, config, listed } = state;
  if (durable.generation === null || configured_nodes(state).includes(config.node_id)) return false;
  return durable.online_in > 0 || !listed.includes(config.node_id);
}

/**
 * By what is known to be won, by what was won before and may not be open yet, whose data may
 * be with others (2.6), and by every vote since, which may have been won (2.3).
 */
export function is_quorum_here(state: Standing, set: NodeSet): boolean {
  return rules_here(state).every(({ configured, major }) => is_quorum(configured, set, major));
}

/** Is there, by all of these, no quorum without a node of `set`? */
export function meets_every_quorum_here(state: Standing, set: NodeSet): boolean {
  return rules_here(state).every(({ configured, major }) => meets_every_quorum(configured, set, major));
}

/** Is this node configured, by any of these? A learner is in no quorum. */
export function may_decide(state: Standing): boolean {
  return rules_here(state).some(({ configured }) => configured.includes(state.config.node_id));
}

function rules_here(state: Standing): readonly Pick<Pending, 'configured' | 'major'>[] {
  const { generation, pending } = state.durable;
  const known = { configured: configured_nodes(state), major: generation?.major ?? 0 };
  return [known, ...changed_since_open(state), ...pending].map(({ configured, major }) => ({
    configured,
    major: in_place_of(state, major),
  }));
}

/** Records with another configured set, since the newest generation known to be open. */
function changed_since_open({ durable, peers }: Standing): readonly Generation[] {
  const { generation, history, online_in } = durable;
  if (generation === null) return [];
  const is_other = ({ configured }: Generation) => !same_nodes(configured, generation.configured);
  const others = history.filter(is_other);
  if (others.length === 0) return [];
  const heard = Object.values(peers).map(({ said }) => said?.online_in ?? 0);
  const open = Math.max(online_in, ...heard);
  return others.filter(({ number }) => number >= open);
}

/** Who breaks the tie of two halves, by the newest record known to be won. */
export function tie_breaker(state: Standing): Major {
  return in_place_of(state, state.durable.generation?.major ?? 0);
}

/** In place of the referee it is a node that goes on alone. */
function in_place_of({ config, durable, ruling }: Standing, major: Major): Major {
  if (major !== REFEREE) return major;
  return goes_on_alone(config.node_id, durable, ruling) ? config.node_id : REFEREE;
}

/** What binds this node until it knows of a newer generation that was won. */
export function with_pending(pending: readonly Pending[], vote: Generation): readonly Pending[] {
  const { number, configured, major } = vote;
  const others = pending.filter(
    (other) => other.major !== major || !same_nodes(other.configured, configured),
  );
  return [...others, { number, configured, major }];
}

/** What the list asks for, one node at a time: who is not listed any more first. */
export function changes({ listed }: Standing, configured: NodeSet): readonly NodeSet[] {
  const leaving = difference(configured, listed);
  const joining = difference(listed, configured);
  return [
    ...leaving.map((id) => difference(configured, [id])),
    ...joining.map((id) => added(configured, id)),
  ];
}

export interface Left {
  readonly online: NodeSet;
  readonly configured: NodeSet;
  readonly listed: NodeSet;
  readonly major: Major;
}

/** Are those who stay online a quorum of the old set as well as of the new one (2.2)? */
export function may_leave(id: NodeId, { online, configured, listed, major }: Left): boolean {
  const staying = intersection(difference(online, [id]), listed);
  const left = intersection(difference(configured, [id]), listed);
  return is_quorum(configured, staying, major) && is_quorum(left, staying, major);
}

/** Did it vote for another set, and not hear what became of it? */
function is_changing(state: Standing): boolean {
  const configured = configured_nodes(state);
  return state.durable.pending.some((vote) => !same_nodes(vote.configured, configured));
}

/** May the record name this set? 2.1, 2.4: a change is made where nothing older is open. */
export function may_name_configured(state: Standing, proposal: Generation): boolean {
  const configured = configured_nodes(state);
  if (same_nodes(proposal.configured, configured)) return true;
  const { generation } = state.durable;
  if (generation === null || is_changing(state) || base(proposal) !== generation.number) return false;
  const joined = difference(proposal.configured, configured);
  const left = difference(configured, proposal.configured);
  if (joined.length + left.length !== 1) return false;
  return contains(state.listed, joined) && !left.some((id) => state.listed.includes(id));
}

/**
 * Has the WAL of a node that joined in generation `born` all that one has missed who was
 * online last in `online_in`? What is in its copy is not in its WAL (4.5).
 */
export function reaches_back(born: number, online_in: number): boolean {
  return born <= online_in || born === 0;
}
