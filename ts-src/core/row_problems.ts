// Of one row or table, what each node has of it: which nodes are wrong, and how? What
// most nodes have counts as right; of two opinions with equally many nodes the one that
// has the row, then that of the lowest node.
import { on_nodes } from './rest.ts';
import { node_set, type NodeId, type NodeSet } from './node_set.ts';

/** Equal text: equal content. Null: the node does not have it. */
export type Contents = ReadonlyMap<NodeId, string | null>;

export type Problem =
  | { readonly node_id: NodeId; readonly kind: 'missing' }
  | { readonly node_id: NodeId; readonly kind: 'surplus'; readonly not_on: NodeSet }
  | { readonly node_id: NodeId; readonly kind: 'differs'; readonly from: NodeId };

interface Opinion {
  readonly content: string | null;
  readonly nodes: NodeSet;
}

function opinions(contents: Contents): Opinion[] {
  const by_content = new Map<string | null, NodeId[]>();
  for (const [id, content] of contents) {
    by_content.set(content, [...(by_content.get(content) ?? []), id]);
  }
  return [...by_content].map(([content, nodes]) => ({ content, nodes: node_set(nodes) }));
}

function better(a: Opinion, b: Opinion): number {
  const absent = ({ content }: Opinion) => (content === null ? 1 : 0);
  return (
    b.nodes.length - a.nodes.length || absent(a) - absent(b) || a.nodes[0]! - b.nodes[0]!
  );
}

export function problems_of(contents: Contents): Problem[] {
  const [right, ...wrong] = opinions(contents).sort(better);
  if (right === undefined) return [];
  return wrong
    .flatMap(({ content, nodes }) =>
      nodes.map((node_id): Problem => {
        if (content === null) return { node_id, kind: 'missing' };
        if (right.content !== null) return { node_id, kind: 'differs', from: right.nodes[0]! };
        return { node_id, kind: 'surplus', not_on: right.nodes };
      }),
    )
    .sort((a, b) => a.node_id - b.node_id);
}

/** In words; `difference` says how the node's row is not the one of the other node. */
export function problem_text(
  problem: Problem,
  difference: (node_id: NodeId, from: NodeId) => string,
): string {
  switch (problem.kind) {
    case 'missing':
      return 'missing';
    case 'surplus':
      return `not on ${on_nodes(problem.not_on)}`;
    case 'differs':
      return `differs: ${difference(problem.node_id, problem.from)}`;
  }
}
