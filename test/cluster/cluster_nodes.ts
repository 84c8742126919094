// What a cluster test knows of its nodes, whether they are servers on this machine
// or containers.
import type pg from 'pg';
import type { ConnectOptions } from '../../ts-src/cli/database_client.ts';
import type { CutOptions } from '../../ts-src/cli/network.ts';
import type { Settings } from '../../ts-src/cli/node_config.ts';

export type ClientOptions = ConnectOptions;

/** Enough for tests of a healthy cluster; several test files may share one. */
export interface HealthyNodes {
  readonly count: number;
  /** 1 to count. */
  readonly ids: number[];
  /** A connected client, as superuser to the replicated database unless told. */
  client(node: number, options?: ClientOptions): Promise<pg.Client>;
  /** libpq's connection string of the superuser. */
  conninfo(node: number): string;
}

/** Some of the nodes of a cluster. */
export function only(nodes: HealthyNodes, ids: number[]): HealthyNodes {
  return {
    count: ids.length,
    ids,
    client: (node, options) => nodes.client(node, options),
    conninfo: (node) => nodes.conninfo(node),
  };
}

/** A cluster of one's own, whose nodes may be stopped and killed. */
export interface ClusterNodes extends HealthyNodes {
  start(node: number): Promise<void>;
  stop(node: number): Promise<void>;
  /** As a machine that loses its power. */
  kill(node: number): Promise<void>;
  /** Every process stands still, and goes on. */
  pause(node: number): Promise<void>;
  resume(node: number): Promise<void>;
  /** Of a cluster with `proxy`: nothing passes between two nodes, or one way. */
  cut(one: number, other: number, options?: CutOptions): Promise<void>;
  partition(groups: number[][]): Promise<void>;
  delay(one: number, other: number, delay_ms: number): Promise<void>;
  heal(): Promise<void>;
  logs(node: number): Promise<string>;
  /** Until every node is online, and has heard it from all others. */
  wait_online(): Promise<void>;
  /** Stops everything and removes it; also after a failure. */
  destroy(): Promise<void>;
}

export interface StartOptions {
  nodes?: number;
  /** The replicated database. */
  db?: string;
  settings?: Settings;
  /** With relays between the nodes: always servers on this machine. */
  proxy?: boolean;
  /** Beside two nodes; it has a node's number, REFEREE. Always on this machine. */
  referee?: boolean;
}

/** This kind of nodes cannot do what was asked of them. */
export class NotSupported extends Error {
  constructor(what: string) {
    super(`not supported: ${what}`);
    this.name = 'NotSupported';
  }
}
