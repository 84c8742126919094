// Which nodes a check compares: all that are online, and it says which are not.
import { on_nodes } from '../core/rest.ts';
import { difference, type NodeId, type NodeSet } from '../core/node_set.ts';
import { own_report } from './own_report.ts';
import { SqlError } from './sql_error.ts';

export function checked_nodes(): NodeSet {
  const report = own_report();
  if (report.status !== 'online') {
    throw new SqlError(
      '57P03',
      `multimaster node is not online: current status ${report.status}`,
    );
  }
  const online = report.members_online;
  if (online.length < 2) {
    throw new SqlError('55000', `only node ${report.node_id} is online: nothing to compare with`);
  }
  const others = difference(report.configured, online);
  if (others.length > 0) {
    const are = others.length === 1 ? 'is' : 'are';
    plv8.elog(
      WARNING,
      `only ${on_nodes(online)} will be compared: ${on_nodes(others)} ${are} not online`,
    );
  }
  return online;
}

export function require_online(wanted: readonly NodeId[]): void {
  const report = own_report();
  const unknown = difference(wanted, report.configured);
  if (unknown.length > 0) throw new SqlError('22023', `there is no ${on_nodes(unknown)}`);
  const away = difference([report.node_id, ...wanted], report.members_online);
  if (away.length > 0) {
    throw new SqlError('55000', `not online: ${on_nodes(away)}`);
  }
}
