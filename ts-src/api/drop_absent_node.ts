// mtm.drop_absent_node(id): what the monitor has done about a node for which too much WAL is
// kept. It decided a moment ago (kept_wal.ts): the node may be back, or dropped already.
import { intersection } from '../core/node_set.ts';
import { check_quorum, drop, type Arguments } from './drop_node.ts';
import { in_words } from '../core/byte_size.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { lock_list } from '../shell/node_list.ts';
import { most_kept } from '../shell/kept_wal.ts';
import { own_report } from '../shell/own_report.ts';

export function drop_absent_node({ id }: Arguments): { id: number } | null {
  lock_list();
  const listed = listed_nodes(shell_config()).map((node) => node.id);
  const { configured, members } = own_report();
  if (intersection(listed, configured).includes(id) && !members.includes(id)) {
    check_quorum(id, listed);
    drop(id, `it was away and more than ${in_words(most_kept())} of WAL was kept for it`);
    return { id };
  }
  return null;
}
