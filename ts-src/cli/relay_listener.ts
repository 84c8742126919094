// Listens for one route as long as its target listens: whoever looks for a server that
// does not run is refused, through the relay as well as directly.
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Route } from './relay_routes.ts';

const LOOK_AGAIN_MS = 100;
const HOST = '127.0.0.1';

export class RelayListener {
  private server: Server | null = null;
  private is_over = false;

  constructor(
    private readonly route: Route,
    private readonly accept: (near: Socket) => void,
  ) {}

  listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    this.server = server;
    server.on('connection', this.accept);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: this.route.port, host: HOST }, resolve);
    });
  }

  /** Nobody listens at the target. */
  refuse(): void {
    if (this.server === null) return;
    this.server.close();
    this.server = null;
    this.look_again();
  }

  close(): Promise<void> {
    this.is_over = true;
    const { server } = this;
    this.server = null;
    return new Promise((resolve) => (server === null ? resolve() : server.close(() => resolve())));
  }

  private look_again(): void {
    if (this.is_over) return;
    const target = connect({ port: this.route.target, host: HOST });
    const later = (): void => void setTimeout(() => this.look_again(), LOOK_AGAIN_MS).unref();
    target.once('error', later);
    target.once('connect', () => {
      target.destroy();
      if (!this.is_over) this.listen().catch(later);
    });
  }
}
