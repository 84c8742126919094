// The cluster's wait-for graph, from what each node tells of itself.

export interface LockWait {
  readonly node: number;
  /** A gid (a user's own in quotes), or "node N, pid P". */
  readonly waiter: string;
  readonly waiter_pid: number | null;
  readonly holder: string;
  /** False: the holder only stands before the waiter in the queue. */
  readonly holds: boolean;
  /** "commit": a session waits for the outcome of its transaction. */
  readonly locktype: string;
  readonly relation: string | null;
  readonly mode: string | null;
  /** As the node writes it; null: it just began. */
  readonly waits_since: string | null;
}

/** Without the sessions that wait for a commit while nobody waits for what they hold. */
export function of_interest(waits: readonly LockWait[]): readonly LockWait[] {
  const holders = new Set(waits.map(({ holder }) => holder));
  return waits.filter(({ locktype, waiter }) => locktype !== 'commit' || holders.has(waiter));
}

/** In the language of Graphviz; the same waits give the same text. */
export function graphviz(waits: readonly LockWait[]): string {
  const lines = waits.map((wait) => {
    const attributes = [`label=${quoted(label(wait))}`, ...(wait.holds ? [] : ['style=dashed'])];
    return `  ${quoted(wait.waiter)} -> ${quoted(wait.holder)} [${attributes.join(', ')}];`;
  });
  return ['digraph lock_graph {', ...new Set(lines.sort()), '}', ''].join('\n');
}

function label({ node, locktype, relation, mode }: LockWait): string {
  const what = mode === null ? '' : `${mode} on `;
  return `node ${node}: ${what}${locktype}${relation === null ? '' : ` of ${relation}`}`;
}

/** A backslash would begin an escape of Graphviz. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
