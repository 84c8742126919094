// When is the cluster at rest: every transaction executed on all nodes or on none?
//
// While all nodes hold their commits, a transaction that was decided is prepared or
// executed on every member, as all of them voted for it. So once no node commits
// anything of its own any more, it is enough to look at what is prepared:
//  1. a transaction of the cluster's own that is prepared somewhere has an outcome to come;
//  2. a user's own rests when it is prepared on all nodes, however long;
//  3. who began to end a user's own before the hold goes on: so the same must be prepared
//     before and after the snapshots are taken.
import { is_ours } from './gid.ts';
import { difference, node_set, type NodeId } from './node_set.ts';

export interface CommitLook {
  readonly held: boolean;
  readonly online: boolean;
  readonly generation: number;
  /** gids of transactions that this node's sessions are committing. */
  readonly commits: readonly string[];
  /** gid and transaction id of what is prepared. */
  readonly prepared: readonly (readonly [gid: string, xid: string])[];
}

export type CommitLooks = ReadonlyMap<NodeId, CommitLook>;

export function on_nodes(ids: readonly NodeId[]): string {
  return `${ids.length === 1 ? 'node' : 'nodes'} ${ids.join(', ')}`;
}

/** Why this can be no consistent point any more, or null. */
export function point_lost(looks: CommitLooks, generation: number): string | null {
  for (const [id, look] of looks) {
    if (!look.online) return `node ${id} is not online any more`;
    if (look.generation !== generation) return 'the generation changed meanwhile';
    if (!look.held) return `node ${id} does not hold its commits any more`;
  }
  return null;
}

/** What the nodes still commit themselves. */
export function commits_left(looks: CommitLooks): string[] {
  return [...looks].flatMap(([id, { commits }]) =>
    commits.map((gid) => `node ${id} is committing "${gid}"`),
  );
}

/** What is prepared and not at rest, once no commits were left. */
export function prepared_left(looks: CommitLooks): string[] {
  const all = node_set(looks.keys());
  const where = new Map<string, NodeId[]>();
  for (const [id, { prepared }] of looks) {
    for (const [gid] of prepared) where.set(gid, [...(where.get(gid) ?? []), id]);
  }
  const left: string[] = [];
  for (const [gid, ids] of where) {
    if (is_ours(gid)) left.push(`"${gid}" is prepared on ${on_nodes(ids)}`);
    else if (ids.length < all.length) {
      left.push(
        `"${gid}" is prepared on ${on_nodes(ids)}, not on ${on_nodes(difference(all, ids))}`,
      );
    }
  }
  return left;
}

export function same_prepared(one: CommitLooks, other: CommitLooks): boolean {
  const text = (looks: CommitLooks) => [...looks].map(([id, { prepared }]) => [id, prepared]);
  return JSON.stringify(text(one)) === JSON.stringify(text(other));
}
