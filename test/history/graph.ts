// A directed graph with kinds of edges, its strongly connected components and paths in it.

export interface Edge<Kind> {
  from: number;
  to: number;
  kind: Kind;
  /** What it is about, where it is about something. */
  of: string | null;
}

export class Graph<Vertex, Kind> {
  readonly vertices: Vertex[] = [];
  readonly edges: Edge<Kind>[] = [];
  private readonly out: Edge<Kind>[][] = [];

  vertex(vertex: Vertex): number {
    this.out.push([]);
    return this.vertices.push(vertex) - 1;
  }

  edge(from: number, to: number, kind: Kind, of: string | null = null): void {
    const edge = { from, to, kind, of };
    this.edges.push(edge);
    this.out[from]!.push(edge);
  }

  /** For each vertex the number of its component, by edges of these kinds (Tarjan's). */
  components(kinds: Set<Kind>): number[] {
    const count = this.vertices.length;
    const order = new Array<number>(count).fill(-1);
    const low = new Array<number>(count).fill(0);
    const component = new Array<number>(count).fill(-1);
    const stack: number[] = [];
    let next_order = 0;
    let next_component = 0;
    for (let root = 0; root < count; root++) {
      if (order[root] !== -1) continue;
      const work: { vertex: number; next: number }[] = [{ vertex: root, next: 0 }];
      while (work.length > 0) {
        const top = work.at(-1)!;
        const { vertex } = top;
        if (top.next === 0) {
          order[vertex] = low[vertex] = next_order++;
          stack.push(vertex);
        }
        const edge = this.out[vertex]![top.next++];
        if (edge !== undefined) {
          if (!kinds.has(edge.kind)) continue;
          if (order[edge.to] === -1) work.push({ vertex: edge.to, next: 0 });
          else if (component[edge.to] === -1) low[vertex] = Math.min(low[vertex]!, order[edge.to]!);
          continue;
        }
        work.pop();
        const parent = work.at(-1)?.vertex;
        if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[vertex]!);
        if (low[vertex] !== order[vertex]) continue;
        for (let member = -1; member !== vertex; ) {
          member = stack.pop()!;
          component[member] = next_component;
        }
        next_component++;
      }
    }
    return component;
  }

  /** A shortest path by edges of these kinds, within one component. */
  path(from: number, to: number, kinds: Set<Kind>, component: number[]): Edge<Kind>[] | null {
    const came_by = new Map<number, Edge<Kind> | null>([[from, null]]);
    const queue = [from];
    for (const vertex of queue) {
      if (vertex === to) return this.back(to, came_by);
      for (const edge of this.out[vertex]!) {
        if (!kinds.has(edge.kind) || came_by.has(edge.to)) continue;
        if (component[edge.to] !== component[from]) continue;
        came_by.set(edge.to, edge);
        queue.push(edge.to);
      }
    }
    return null;
  }

  private back(to: number, came_by: Map<number, Edge<Kind> | null>): Edge<Kind>[] {
    const path: Edge<Kind>[] = [];
    for (let edge = came_by.get(to); edge; edge = came_by.get(edge.from)) path.unshift(edge);
    return path;
  }
}
