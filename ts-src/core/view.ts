// View: what the data plane of this node acts by. Published when it changes, before
// anything else of the same step leaves the node.
import { donor_for } from './recovery.ts';
import { same_nodes } from './node_set.ts';
import { reason_for } from './reason.ts';
import { status_of } from './status.ts';
import type { Turn } from './turn.ts';
import type { Effect, View } from './effect.ts';

/** A reason that lasts this long is worth a line in the log. */
const REASON_LASTS_MS = 1_000;

export function settle_view(turn: Turn): void {
  const { state, clock } = turn;
  const { config, durable } = state;
  const { promised } = durable;
  const view: View = {
    generation: promised?.number ?? 0,
    members: promised?.members ?? [],
    configured: promised?.configured ?? config.configured,
    incarnation: durable.incarnation,
    status: status_of(state),
    donor: donor_for(state),
    major: promised?.major ?? 0,
  };
  if (state.view === null || !same_view(view, state.view)) {
    const before = state.view?.status ?? 'starting';
    if (before !== view.status) {
      turn.log(`status ${view.status} (was ${before}) in generation ${view.generation}`);
      turn.set({ view_since_wall_ms: clock.wall_ms });
    }
    if (state.view?.donor !== view.donor) turn.set({ recovery: null });
    // Recovery may end what they are about; a backend that still waits asks again.
    if (view.donor !== 0) turn.set({ decisions: {}, dropped: {} });
    turn.set({ view });
    turn.durable.unshift(...mark_before(turn, view), { kind: 'publish', view });
  }
  settle_reason(turn);
}

/** From its mark on, this node's WAL has nothing of older generations (3.9). */
function mark_before(turn: Turn, view: View): readonly Effect[] {
  const { generation } = view;
  if (view.status !== 'online' || turn.state.marked === generation) return [];
  turn.set({ marked: generation });
  return [{ kind: 'mark', generation }];
}

function same_view(a: View, b: View): boolean {
  return (
    a.generation === b.generation &&
    a.status === b.status &&
    a.incarnation === b.incarnation &&
    a.donor === b.donor &&
    a.major === b.major &&
    same_nodes(a.members, b.members) &&
    same_nodes(a.configured, b.configured)
  );
}

function settle_reason(turn: Turn): void {
  const { state, clock } = turn;
  const reason = reason_for(state);
  if (reason !== state.reason) {
    turn.set({ reason, reason_since_ms: clock.now_ms });
    if (reason === '') turn.set({ reason_logged: '' });
    return;
  }
  const lasts = clock.now_ms - state.reason_since_ms >= REASON_LASTS_MS;
  if (reason === '' || reason === state.reason_logged || !lasts) return;
  turn.log(`not online: ${reason}`);
  turn.set({ reason_logged: reason });
}
