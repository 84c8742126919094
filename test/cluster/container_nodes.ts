// Cluster nodes as containers of the project's image, by testcontainers.
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  GenericContainer,
  Network,
  Wait,
  getContainerRuntimeClient,
  type StartedNetwork,
  type StartedTestContainer,
} from 'testcontainers';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { conn_string } from '../../ts-src/cli/conn_string.ts';
import { connect } from '../../ts-src/cli/database_client.ts';
import { STATUS_OPTIONS, asked_status, what_they_wait_for } from '../../ts-src/cli/wait_online.ts';
import { NotSupported, type ClientOptions, type ClusterNodes, type StartOptions } from './cluster_nodes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const IMAGE = 'multimaster:test';
const PORT = 5432;
const DB = 'app';
const SUPERUSER = 'postgres';
const ONLINE_TIMEOUT_MS = 300_000;
const POLL_INTERVAL_MS = 200;
const STOP_TIMEOUT_S = 120;

/** How another process reaches the nodes: plain data. */
export interface ContainerAddress {
  host: string;
  ports: number[];
  password: string;
}

export class ContainerNodes implements ClusterNodes {
  private constructor(
    private readonly containers: StartedTestContainer[],
    private readonly network: StartedNetwork,
    private readonly password: string,
  ) {}

  static async start(options: StartOptions = {}): Promise<ContainerNodes> {
    const count = options.nodes ?? 3;
    const image = await GenericContainer.fromDockerfile(ROOT, 'docker/Dockerfile')
      .withCache(true)
      .build(IMAGE, { deleteOnExit: false });
    const network = await new Network().start();
    const password = randomBytes(16).toString('hex');
    const ids = Array.from({ length: count }, (_, index) => index + 1);
    const conn_strings = ids
      .map((id) => conn_string({ dbname: DB, host: `n${id}`, user: 'multimaster' }))
      .join(', ');
    const settings = Object.entries(options.settings ?? {});
    const containers = await all_ended(
      ids.map((id) =>
        image
          .withNetwork(network)
          .withNetworkAliases(`n${id}`)
          .withEnvironment({
            MTM_NODE_ID: String(id),
            MTM_CONN_STRINGS: conn_strings,
            MTM_PASSWORD: password,
            POSTGRES_PASSWORD: password,
            POSTGRES_DB: DB,
            MTM_NETWORKS: 'all',
          })
          .withCommand(settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]))
          .withExposedPorts(PORT)
          .withWaitStrategy(Wait.forListeningPorts())
          .start(),
      ),
    );
    const nodes = new ContainerNodes(containers, network, password);
    await nodes.create_extension();
    await nodes.wait_online();
    return nodes;
  }

  get count(): number {
    return this.containers.length;
  }

  get ids(): number[] {
    return this.containers.map((_, index) => index + 1);
  }

  address(): ContainerAddress {
    return {
      host: this.container(1).getHost(),
      ports: this.containers.map((container) => container.getMappedPort(PORT)),
      password: this.password,
    };
  }

  client(node: number, options: ClientOptions = {}): Promise<pg.Client> {
    return container_client(this.address(), node, options);
  }

  conninfo(node: number): string {
    return container_conninfo(this.address(), node);
  }

  async logs(node: number): Promise<string> {
    const stream = await this.container(node).logs();
    const parts: string[] = [];
    for await (const part of stream) {
      parts.push(String(part));
    }
    return parts.join('');
  }

  async start(node: number): Promise<void> {
    await this.container(node).restart();
  }

  async stop(node: number): Promise<void> {
    await (await this.engine_container(node)).stop({ t: STOP_TIMEOUT_S });
  }

  async kill(node: number): Promise<void> {
    await (await this.engine_container(node)).kill();
  }

  async pause(node: number): Promise<void> {
    await (await this.engine_container(node)).pause();
  }

  async resume(node: number): Promise<void> {
    await (await this.engine_container(node)).unpause();
  }

  cut(): Promise<void> {
    throw new NotSupported('to cut the network between containers');
  }

  partition(): Promise<void> {
    throw new NotSupported('to cut the network between containers');
  }

  delay(): Promise<void> {
    throw new NotSupported('to delay the network between containers');
  }

  heal(): Promise<void> {
    throw new NotSupported('to heal the network between containers');
  }

  async wait_online(): Promise<void> {
    const deadline = Date.now() + ONLINE_TIMEOUT_MS;
    for (;;) {
      const ask = (node: number) =>
        asked_status(node, container_client_config(this.address(), node, STATUS_OPTIONS));
      const waiting = what_they_wait_for(await Promise.all(this.ids.map(ask)));
      if (waiting === null) return;
      if (Date.now() > deadline) throw new Error(`nodes are not online: ${waiting}`);
      await sleep(POLL_INTERVAL_MS);
    }
  }

  async destroy(): Promise<void> {
    await all_ended(this.containers.map((container) => container.stop()));
    await this.network.stop();
  }

  private container(node: number): StartedTestContainer {
    const container = this.containers[node - 1];
    if (container === undefined) throw new Error(`there is no node ${node}`);
    return container;
  }

  /** testcontainers would remove a container that it stops. */
  private async engine_container(node: number) {
    const engine = await getContainerRuntimeClient();
    return engine.container.getById(this.container(node).getId());
  }

  private async create_extension(): Promise<void> {
    const client = await this.client(1);
    await client.query('CREATE EXTENSION multimaster CASCADE');
    await client.end();
  }
}

function container_client_config(
  address: ContainerAddress,
  node: number,
  options: ClientOptions,
): pg.ClientConfig {
  const { statement_timeout_ms, ...given } = options;
  const port = address.ports[node - 1];
  if (port === undefined) throw new Error(`there is no node ${node}`);
  return {
    host: address.host,
    port,
    database: DB,
    user: SUPERUSER,
    password: address.password,
    ...given,
    ...(statement_timeout_ms === undefined
      ? {}
      : { statement_timeout: statement_timeout_ms }),
  };
}

export function container_client(
  address: ContainerAddress,
  node: number,
  options: ClientOptions = {},
): Promise<pg.Client> {
  return connect(container_client_config(address, node, options));
}

export function container_conninfo(address: ContainerAddress, node: number): string {
  return conn_string({
    dbname: DB,
    host: address.host,
    port: address.ports[node - 1] ?? 0,
    user: SUPERUSER,
    password: address.password,
  });
}
