// The healthy cluster that several test files share. Each file works in a schema
// of its own and leaves every node running.
import { inject } from 'vitest';
import type pg from 'pg';
import type { ClientOptions, HealthyNodes } from './cluster_nodes.ts';
import { container_client, container_conninfo, type ContainerAddress } from './container_nodes.ts';
import { RunningLocalNodes } from './local_nodes.ts';

export type SharedClusterAddress =
  | { kind: 'local'; dir: string }
  | { kind: 'containers'; address: ContainerAddress };

declare module 'vitest' {
  interface ProvidedContext {
    shared_cluster: SharedClusterAddress;
  }
}

export function shared_cluster(): HealthyNodes {
  const place = inject('shared_cluster');
  if (place.kind === 'local') return RunningLocalNodes.open(place.dir);
  return new RunningContainers(place.address);
}

class RunningContainers implements HealthyNodes {
  constructor(private readonly address: ContainerAddress) {}

  get count(): number {
    return this.address.ports.length;
  }

  get ids(): number[] {
    return this.address.ports.map((_, index) => index + 1);
  }

  client(node: number, options?: ClientOptions): Promise<pg.Client> {
    return container_client(this.address, node, options);
  }

  conninfo(node: number): string {
    return container_conninfo(this.address, node);
  }
}
