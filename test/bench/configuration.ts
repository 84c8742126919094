// What is compared: the servers that do the work, and the ones clients connect to.
import { NODES, PLAIN, PRIMARY, STANDBYS } from './servers.ts';

export interface Configuration {
  name: string;
  /** In words, for the report. */
  meaning: string;
  /** Clients are spread over these. */
  entries: number[];
  /** All servers whose CPU time counts, under the name they are reported by. */
  servers: { server: number; place: string }[];
}

const [FIRST_NODE = 1, ...OTHER_NODES] = NODES;

const at = (place: string, servers: number[]) =>
  servers.map((server) => ({ server, place }));

export const PLAIN_SERVER: Configuration = {
  name: 'plain',
  meaning: 'one server with the same settings, without the library',
  entries: [PLAIN],
  servers: at('server', [PLAIN]),
};

export const SYNC_STANDBYS: Configuration = {
  name: 'standbys',
  meaning:
    'a primary with two hot standbys, physical replication, ' +
    "synchronous_standby_names = 'FIRST 2 (*)', synchronous_commit = remote_apply",
  entries: [PRIMARY],
  servers: [...at('primary', [PRIMARY]), ...at('standbys', STANDBYS)],
};

export const CLUSTER: Configuration = {
  name: 'cluster',
  meaning: 'three nodes, all clients on node 1',
  entries: [FIRST_NODE],
  servers: [...at('node 1', [FIRST_NODE]), ...at('nodes 2, 3', OTHER_NODES)],
};

export const CLUSTER_SPREAD: Configuration = {
  name: 'cluster, spread',
  meaning: 'the same three nodes, clients spread over all of them',
  entries: NODES,
  servers: at('all nodes', NODES),
};

export const CONFIGURATIONS = [PLAIN_SERVER, SYNC_STANDBYS, CLUSTER, CLUSTER_SPREAD];

/** A client for every entry at least; otherwise it would be another configuration. */
export function takes_part(configuration: Configuration, clients: number): boolean {
  return clients >= configuration.entries.length;
}

export const count_of_clients = (clients: number) =>
  clients === 1 ? '1 client' : `${clients} clients`;
