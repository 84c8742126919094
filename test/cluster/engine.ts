// Chooses where the nodes of a cluster test live: containers where a container
// engine answers, servers on this machine where none does, where the network is to be cut,
// or where there is a referee.
import { existsSync } from 'node:fs';
import type { ClusterNodes, StartOptions } from './cluster_nodes.ts';
import { LocalNodes } from './local_nodes.ts';

const ENGINE_SOCKET = '/var/run/docker.sock';

async function engine_answers(): Promise<boolean> {
  if (!process.env['DOCKER_HOST'] && !existsSync(ENGINE_SOCKET)) return false;
  const { getContainerRuntimeClient } = await import('testcontainers');
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

/** A cluster of one's own: to be destroyed by the one who started it. */
export async function start_cluster(options: StartOptions = {}): Promise<ClusterNodes> {
  if (!options.proxy && !options.referee && (await engine_answers())) {
    const { ContainerNodes } = await import('./container_nodes.ts');
    return ContainerNodes.start(options);
  }
  return LocalNodes.start(options);
}
