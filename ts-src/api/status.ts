// mtm.status(): this node and its generation.
import { own_report } from '../shell/own_report.ts';

export function status() {
  const report = own_report();
  return {
    my_node_id: report.node_id,
    status: report.status,
    connected: report.connected.filter((id) => id !== report.node_id),
    gen_num: report.generation,
    gen_members: report.members,
    gen_members_online: report.members_online,
    gen_configured: report.configured,
    reason: report.reason,
  };
}
