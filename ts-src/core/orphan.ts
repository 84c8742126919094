// Orphans: transactions of this node that no backend drives any more. Only a ballot of
// a generation newer than their own can end them, so they make the node want one.
//
// A backend that gives up says so; should that be lost, the survey finds what is
// prepared here and driven by nobody (I11). It believes it only the second time, for a
// backend may just be between two of the things that are looked at.
import { coordinator_of, is_ours, parse_gid, type Gid } from './gid.ts';
import { in_force } from './force.ts';
import { status_of } from './status.ts';
import type { Look } from './holding.ts';
import type { Standing } from './state.ts';
import type { Turn } from './turn.ts';

export const SURVEY_INTERVAL_MS = 5_000;

/** This node needs a generation newer than this; 0: it needs none. */
export function wanted_generation(state: Standing): number {
  return Math.max(0, ...Object.values(state.orphans));
}

export function on_orphan(turn: Turn, gid: Gid): void {
  const parts = parse_gid(gid);
  // A user's own prepared transaction is ended by the user alone.
  if (parts === null) return;
  if (parts.generation < turn.state.durable.online_in) return;
  turn.set({ orphans: { ...turn.state.orphans, [gid]: parts.generation } });
}

/** Work of generations before `number` is over on all members. */
export function forget_orphans(turn: Turn, number: number): void {
  const left = Object.entries(turn.state.orphans).filter(([, wants]) => wants >= number);
  turn.set({ orphans: Object.fromEntries(left) });
}

export function survey(turn: Turn): void {
  const { state, clock } = turn;
  if (clock.now_ms < state.survey_after_ms) return;
  turn.set({ survey_after_ms: clock.now_ms + SURVEY_INTERVAL_MS });
  if (status_of(state) !== 'online') return;
  turn.now.push({ kind: 'look', purpose: { of: 'survey' }, gids: [], remembered_by: [] });
}

export function on_surveyed(turn: Turn, look: Look): void {
  const { state } = turn;
  const generation = in_force(state);
  // What a node that was away still has prepared, its recovery ends.
  if (generation === null || state.durable.online_in !== generation.number) return;
  const { number } = generation;
  const found = Object.keys(look.prepared).filter((gid) => is_left(state, gid, number, look));
  const sure = found.filter((gid) => state.suspects.includes(gid) && !(gid in state.orphans));
  if (sure.length > 0) turn.log(`prepared and driven by nobody: ${sure.slice(0, 5).join(', ')}`);
  const orphans = { ...state.orphans };
  for (const gid of sure) orphans[gid] = number;
  turn.set({ suspects: found, orphans });
}

function is_left(state: Standing, gid: Gid, number: number, look: Look): boolean {
  const parts = parse_gid(gid);
  if (!is_ours(gid) || parts === null) return false;
  if (parts.generation < number) return true;
  const own = coordinator_of(gid) === state.config.node_id;
  return own && parts.generation === number && !look.driven.includes(gid);
}
