// The cluster's wait-for graph, from what each node tells of itself.

export interface LockWait {
  readonly node: number;
  /** A gid, or "node N, pid P". */
  readonly waiter: string;
  readonly holder: string;
  /** False: the holder only stands before the waiter in the queue. */
  readonly holds: boolean;
  readonly locktype: string;
  readonly relation: string | null;
  readonly mode: string;
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
  return `node ${node}: ${mode} on ${locktype}${relation === null ? '' : ` of ${relation}`}`;
}

/** A backslash would begin an escape of Graphviz. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
