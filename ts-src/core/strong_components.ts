// The strongly connected components of a directed graph (Tarjan's algorithm, without
// recursion): two vertices are in one component when each can be reached from the other.

export type Graph = ReadonlyMap<string, readonly string[]>;

interface Visit {
  readonly vertex: string;
  readonly next: Iterator<string>;
}

export function strong_components(graph: Graph): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const is_open = new Set<string>();
  const components: string[][] = [];

  function enter(vertex: string): Visit {
    index.set(vertex, index.size);
    low.set(vertex, index.get(vertex)!);
    open.push(vertex);
    is_open.add(vertex);
    return { vertex, next: (graph.get(vertex) ?? [])[Symbol.iterator]() };
  }

  function leave(vertex: string): void {
    if (low.get(vertex) !== index.get(vertex)) return;
    const component = open.splice(open.lastIndexOf(vertex));
    for (const member of component) is_open.delete(member);
    components.push(component);
  }

  const lower = (vertex: string, to: number) => low.set(vertex, Math.min(low.get(vertex)!, to));

  for (const root of graph.keys()) {
    if (index.has(root)) continue;
    const path = [enter(root)];
    while (path.length > 0) {
      const { vertex, next } = path.at(-1)!;
      const { value: to, done } = next.next();
      if (done === true) {
        leave(vertex);
        path.pop();
        const above = path.at(-1);
        if (above !== undefined) lower(above.vertex, low.get(vertex)!);
      } else if (!index.has(to)) path.push(enter(to));
      else if (is_open.has(to)) lower(vertex, index.get(to)!);
    }
  }
  return components;
}
