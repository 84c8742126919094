// Looks whether a TCP port of 127.0.0.1 can be taken.
import { createServer } from 'node:net';
import { Failure } from './failure.ts';

export function port_is_free(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}

export async function check_ports(ports: number[], advice = ''): Promise<void> {
  for (const port of ports) {
    if (await port_is_free(port)) continue;
    throw new Failure(
      'port_taken',
      `port ${port} on 127.0.0.1 is taken by another program${advice}`,
    );
  }
}
