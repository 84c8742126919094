// Starts one healthy cluster for all files that stop no node, before the first of
// them; stops it after the last.
import type { TestProject } from 'vitest/node';
import type { SharedClusterAddress } from './shared_cluster.ts';
import type { ClusterNodes } from './cluster_nodes.ts';
import { ContainerNodes } from './container_nodes.ts';
import { start_cluster } from './engine.ts';
import { LocalNodes } from './local_nodes.ts';

export default async function setup(project: TestProject) {
  // Nobody stops a node: on a busy machine none shall be taken for lost.
  const settings = { 'multimaster.heartbeat_recv_timeout': '20s' };
  const nodes = await start_cluster({ settings });
  project.provide('shared_cluster', address_of(nodes));
  return () => nodes.destroy();
}

function address_of(nodes: ClusterNodes): SharedClusterAddress {
  if (nodes instanceof LocalNodes) return { kind: 'local', dir: nodes.dir };
  if (nodes instanceof ContainerNodes) {
    return { kind: 'containers', address: nodes.address() };
  }
  throw new Error('nodes of an unknown kind');
}
