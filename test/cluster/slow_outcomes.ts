// One node of the shared cluster that executes no outcome of the others while it is held.
import type { NodeSessions } from './node_sessions.ts';

export const SLOW = 3;

export const hold_outcomes = (sessions: NodeSessions) =>
  sessions.on(SLOW).query("SELECT mtm.inject_2pc_error('outcome', 'wait')");
export const release_outcomes = (sessions: NodeSessions) =>
  sessions.on(SLOW).query("SELECT mtm.inject_2pc_error('')");
