// Batches: how many gids one message may name. A link carries messages of at most
// 64 kB, and an answer says more of a gid than its name.
import type { Gid } from './gid.ts';

const BUDGET_BYTES = 40_000;
const BYTES_BESIDE_A_GID = 120;

/** The first gids that fit, in order, and at least one of them. */
export function first_batch(gids: Iterable<Gid>): Gid[] {
  const batch: Gid[] = [];
  let bytes = 0;
  for (const gid of [...new Set(gids)].sort()) {
    bytes += 3 * JSON.stringify(gid).length + BYTES_BESIDE_A_GID;
    if (bytes > BUDGET_BYTES && batch.length > 0) break;
    batch.push(gid);
  }
  return batch;
}
