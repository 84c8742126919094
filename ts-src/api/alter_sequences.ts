// mtm.alter_sequences(): each node's sequences give its own values again, and all go on behind
// what any of them has given. Each node tells the others where its own stand.
import { close_sessions, open_sessions, serve_all_by } from '../shell/peer_sessions.ts';
import { own_report } from '../shell/own_report.ts';
import { require_online } from '../shell/checked_nodes.ts';

const ALIGN = 'SELECT mtm.align_sequences(false) AS answer';
const TELL = 'SELECT mtm.align_sequences(true) AS answer';

export function alter_sequences(): boolean {
  require_online([]);
  const nodes = own_report().members_online;
  open_sessions(nodes);
  const changed = [...serve_all_by<boolean>(nodes, ALIGN).values()].includes(true);
  for (const node of nodes) serve_all_by([node], TELL);
  close_sessions();
  return changed;
}
