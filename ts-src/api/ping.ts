// mtm.ping(): is every member of the current generation online, and do all agree on it?
// Asks each of them now, over a connection of its own.
import { ask_node } from '../shell/ask_node.ts';
import { own_report } from '../shell/own_report.ts';
import { shell_config } from '../shell/shell_config.ts';

const STATUS = 'SELECT status, gen_num::text AS gen_num FROM mtm.status()';

export function ping(): boolean {
  const { node_id, status, generation, members } = own_report();
  if (status !== 'online') return false;
  const { connect_ms } = shell_config();
  return members
    .filter((id) => id !== node_id)
    .every((id) => {
      const answer = ask_node(id, STATUS, connect_ms);
      if (!('rows' in answer)) return false;
      const [said] = answer.rows;
      return said?.['status'] === 'online' && Number(said['gen_num']) === generation;
    });
}
