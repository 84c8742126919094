// mtm.broadcast_table(relation, mask): mtm.copy_table() to several nodes.
import { copy_table } from './copy_table.ts';
import { require_online } from '../shell/checked_nodes.ts';
import { set_of_mask, without } from '../core/node_set.ts';
import { shell_config } from '../shell/shell_config.ts';
import { SqlError } from '../shell/sql_error.ts';

interface Arguments {
  readonly relation: string | null;
  /** Decimal text; bit 0: node 1. */
  readonly mask: string | null;
}

export function broadcast_table({ relation, mask }: Arguments): null {
  if (mask === null) throw new SqlError('22004', 'the mask must not be null');
  const nodes = without(set_of_mask(BigInt(mask)), shell_config().node_id);
  require_online(nodes);
  for (const node of nodes) copy_table({ relation, node });
  return null;
}
