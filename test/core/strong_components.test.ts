import fc from 'fast-check';
import { expect, test } from 'vitest';
import { strong_components, type Graph } from '../../ts-src/core/strong_components.ts';

const VERTICES = [...'abcdefgh'];
const vertex = fc.constantFrom(...VERTICES);
const graphs = fc.array(fc.tuple(vertex, vertex), { maxLength: 24 }).map((edges): Graph => {
  const graph = new Map(VERTICES.map((name) => [name, [] as string[]]));
  for (const [from, to] of edges) graph.get(from)!.push(to);
  return graph;
});

function reachable(graph: Graph, from: string): Set<string> {
  const reached = new Set([from]);
  for (const at of reached) for (const to of graph.get(at) ?? []) reached.add(to);
  return reached;
}

test('two are in one component just when each can be reached from the other', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const components = strong_components(graph);
      expect(components.flat().sort()).toEqual(VERTICES);
      for (const a of VERTICES) {
        const mine = components.find((component) => component.includes(a))!;
        const mutual = VERTICES.filter(
          (b) => reachable(graph, a).has(b) && reachable(graph, b).has(a),
        );
        expect([...mine].sort()).toEqual(mutual);
      }
    }),
  );
});

test('a way that is longer than a stack is deep', () => {
  const names = Array.from({ length: 20_000 }, (_, i) => `v${i}`);
  const graph = new Map(names.map((name, i) => [name, [names[(i + 1) % names.length]!]]));
  expect(strong_components(graph)).toHaveLength(1);
});
