// mtm.get_trans_by_gid(gid): what is known of one distributed transaction, here and on
// the peers. Its outcome is what some node executed: the coordinator's node knows it for
// as long as its clog does.
import { ask_node } from '../shell/ask_node.ts';
import { is_ours, parse_gid, type Gid } from '../core/gid.ts';
import { own_report } from '../shell/own_report.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { transaction_here, type TransactionHere } from './transaction_here.ts';

type States = Readonly<Record<number, string>>;

export function get_trans_by_gid({ gid }: { readonly gid: Gid }) {
  const here = transaction_here({ gid });
  const states = states_of(gid, here);
  const parts = parse_gid(gid);
  const report = own_report();
  const all = Object.values(states);
  if (!is_ours(gid) && !all.includes('prepared') && !all.includes('running')) return null;
  const yes = Object.entries(states).filter(([, state]) => state === 'prepared');
  return {
    status: status_of(all),
    gid,
    xid: parts?.xid ?? here.xid,
    coordinator: parts?.coordinator ?? here.under_way?.['origin'] ?? null,
    generation: parts?.generation ?? here.under_way?.['generation'] ?? null,
    incarnation: parts?.incarnation ?? null,
    twophase: !is_ours(gid),
    local: here.state !== 'none',
    prepared: here.state === 'prepared',
    active: here.under_way !== null,
    pid: here.under_way?.['pid'] ?? null,
    since: here.since,
    participants: parts !== null && parts.generation !== report.generation ? null : report.members,
    voted: yes.map(([id]) => Number(id)),
    undecided: report.undecided[gid] ?? null,
    nodes: states,
  };
}

/** node -> what it says; `unreachable` when it does not. */
function states_of(gid: Gid, here: TransactionHere): States {
  const config = shell_config();
  const query = `SELECT mtm.transaction_here(${plv8.quote_literal(gid)}) ->> 'state' AS state`;
  const states: Record<number, string> = {};
  for (const { id } of listed_nodes(config)) {
    if (id === config.node_id) {
      states[id] = here.state;
      continue;
    }
    const answer = ask_node(id, query, config.connect_ms);
    const state = 'rows' in answer ? answer.rows[0]?.['state'] : undefined;
    states[id] = typeof state === 'string' ? state : 'unreachable';
  }
  return states;
}

function status_of(states: readonly string[]): string {
  const order = ['committed', 'aborted', 'prepared', 'running', 'unknown', 'unreachable'];
  return order.find((state) => states.includes(state)) ?? 'none';
}
