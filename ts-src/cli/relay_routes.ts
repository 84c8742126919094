// The relays of a proxied cluster: one for each ordered pair of nodes, on a port of
// its own after the nodes' ports. Node `from` finds node `to` at that port. Those to the
// referee come after its own port.
import { founder_ids, node_port, REFEREE, type ClusterRecord } from './cluster_record.ts';

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
  const between = pairs.map(({ from, to }, index) => ({
    from,
    to,
    port: first + index,
    target: node_port(record, to),
  }));
  const { referee } = record;
  if (referee === undefined) return between;
  const to_referee = nodes.map((from) => ({
    from,
    to: REFEREE,
    port: referee + from,
    target: referee,
  }));
  return [...between, ...to_referee];
}

/** The first port that is neither a node's nor a relay's between nodes. */
export function referee_port({ port, nodes, proxy }: Omit<ClusterRecord, 'referee'>): number {
  return port + nodes + (proxy ? nodes * (nodes - 1) : 0);
}

/** The port at which node `from` reaches node `to`. */
export function port_seen(record: ClusterRecord, from: number, to: number): number {
  const route = relay_routes(record).find((each) => each.from === from && each.to === to);
  return route?.port ?? node_port(record, to);
}
