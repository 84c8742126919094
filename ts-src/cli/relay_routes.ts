// The relays of a proxied cluster: one for each ordered pair of nodes, on a port of
// its own after the nodes' ports. Node `from` finds node `to` at that port.
import { founder_ids, node_port, type ClusterRecord } from './cluster_record.ts';

export interface Route {
  from: number;
  to: number;
  /** Where `from` connects to. */
  port: number;
  /** Where the server of `to` listens. */
  target: number;
}

export function relay_routes(record: ClusterRecord): Route[] {
  if (!record.proxy) return [];
  const nodes = founder_ids(record);
  const pairs = nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map((to) => ({ from, to })),
  );
  const first = record.port + record.nodes;
  return pairs.map(({ from, to }, index) => ({
    from,
    to,
    port: first + index,
    target: node_port(record, to),
  }));
}

/** The port at which node `from` reaches node `to`. */
export function port_seen(record: ClusterRecord, from: number, to: number): number {
  const route = relay_routes(record).find((each) => each.from === from && each.to === to);
  return route?.port ?? node_port(record, to);
}
