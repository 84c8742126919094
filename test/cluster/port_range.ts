// Ten TCP ports of 127.0.0.1 for one cluster. A range belongs to the process that
// listens on its last port, so test runs side by side cannot get the same one, and
// a range comes free by itself when its process ends.
import { createServer, type Server } from 'node:net';
import { port_is_free } from '../../ts-src/cli/ports.ts';

const FIRST_PORT = 7100;
const RANGE_SIZE = 10;
const RANGES = 100;

export interface PortRange {
  first: number;
  /** How many ports from `first` on are the caller's. */
  size: number;
  release(): Promise<void>;
}

export async function allocate_ports(): Promise<PortRange> {
  for (let index = 0; index < RANGES; index++) {
    const first = FIRST_PORT + index * RANGE_SIZE;
    const holder = await try_listen(first + RANGE_SIZE - 1);
    if (holder === null) continue;
    const release = () => new Promise<void>((resolve) => holder.close(() => resolve()));
    if (await all_free(first)) return { first, size: RANGE_SIZE - 1, release };
    await release();
  }
  throw new Error(`no ${RANGE_SIZE} free ports from ${FIRST_PORT} on`);
}

function try_listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.unref();
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}

async function all_free(first: number): Promise<boolean> {
  const ports = Array.from({ length: RANGE_SIZE - 1 }, (_, index) => first + index);
  const free = await Promise.all(ports.map(port_is_free));
  return free.every(Boolean);
}
