// Cycles among the events, and what the field calls them.
//
// First those of writes alone, then with what was read, then with what was not seen, then with
// time: so each gets the name that says most. One of each kind in a component is enough.
import { named, type Anomaly, type AnomalyName } from './anomaly.ts';
import type { Events, Kind, Moment } from './events.ts';
import type { Edge } from './graph.ts';
import type { Transaction } from './history.ts';

interface Pass {
  /** Each cycle has one of these at least, */
  closing: Kind;
  /** and of these as many as it likes. */
  over: Kind[];
}

const PASSES: Pass[] = [
  { closing: 'ww', over: ['own', 'ww'] },
  { closing: 'wr', over: ['own', 'ww', 'wr'] },
  { closing: 'rw', over: ['own', 'ww', 'wr'] },
  { closing: 'rw', over: ['own', 'ww', 'wr', 'rw'] },
  { closing: 'time', over: ['own', 'ww', 'wr', 'rw', 'time'] },
];
/** Closing edges tried in a component: of the cycles found, the shortest is told. */
const MOST_TRIED = 100;

type Cycle = Edge<Kind>[];

export function cycles(events: Events): Anomaly[] {
  const told = new Set<number>();
  return PASSES.flatMap((pass) => {
    const found = shortest_cycles(events, pass, told);
    for (const { from } of found.flat()) told.add(from);
    return found.map((cycle) => described(events, cycle));
  });
}

function shortest_cycles(events: Events, { closing, over }: Pass, told: Set<number>): Cycle[] {
  const component = events.components(new Set([closing, ...over]));
  const said = new Set([...told].map((vertex) => component[vertex]));
  const tried = new Map<number, number>();
  const best = new Map<number, Cycle>();
  const kinds = new Set(over);
  for (const edge of events.edges) {
    const where = component[edge.from]!;
    if (edge.kind !== closing || where !== component[edge.to] || said.has(where)) continue;
    const so_far = tried.get(where) ?? 0;
    if (so_far >= MOST_TRIED && best.has(where)) continue;
    tried.set(where, so_far + 1);
    const path = events.path(edge.to, edge.from, kinds, component);
    const shortest = best.get(where);
    if (path === null || (shortest !== undefined && shortest.length <= path.length + 1)) continue;
    best.set(where, [edge, ...path]);
  }
  return [...best.values()];
}

function described(events: Events, cycle: Cycle): Anomaly {
  const moment = (vertex: number) => events.vertices[vertex]!;
  const who = new Set(cycle.map(({ from }) => moment(from).transaction).filter((each) => each !== null));
  const because: string[] = [];
  let answered: Moment | null = null;
  for (const edge of turned(cycle)) {
    const [from, to] = [moment(edge.from), moment(edge.to)];
    if (edge.kind === 'own') continue;
    if (edge.kind !== 'time') because.push(line(edge, from, to));
    else if (from.what !== 'clock') answered = from;
    else if (to.what !== 'clock' && answered !== null) {
      because.push(`${named(to.transaction!)} asked after ${named(answered.transaction!)} was answered`);
    }
  }
  return { name: name(cycle, who.size), because };
}

/** It begins where a client's time does not go around its end. */
function turned(cycle: Cycle): Cycle {
  const at = cycle.findIndex(({ kind }) => kind !== 'time');
  return [...cycle.slice(at), ...cycle.slice(0, at)];
}

function line({ kind, of }: Edge<Kind>, from: Moment, to: Moment): string {
  const [one, other] = [from.transaction as Transaction, to.transaction as Transaction];
  if (kind === 'wr') return `${named(other)} read ${of} as ${named(one)} or a later one wrote it`;
  if (kind === 'rw') return `${named(one)} read ${of} as it was before ${named(other)} wrote it`;
  return `${named(other)} wrote ${of} over what ${named(one)} wrote`;
}

function name(cycle: Cycle, transactions: number): AnomalyName {
  const of_kind = (kind: Kind) => cycle.filter((edge) => edge.kind === kind);
  const missed = of_kind('rw');
  const [time, seen, replaced] = [of_kind('time'), of_kind('wr'), of_kind('ww')];
  if (time.length > 0) {
    return missed.length === 1 && seen.length + replaced.length === 0 ? 'stale read' : 'real time';
  }
  if (missed.length > 1) return 'G-nonadjacent';
  const [only] = missed;
  if (only === undefined) return seen.length > 0 ? 'G1c' : 'G0';
  if (transactions > 2) return 'G-single';
  if (replaced.some(({ of }) => of === only.of)) return 'lost update';
  return seen.some(({ of }) => of === only.of) ? 'non-repeatable read' : 'fractured read';
}
