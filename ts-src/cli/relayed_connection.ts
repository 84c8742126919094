// One connection that a node opened to another through its relay. Opening one needs
// both directions, as TCP's handshake does: where one is cut, a new connection hangs.
import { connect, type Socket } from 'node:net';
import { Flow, type FlowRule, type Later } from './relay_flow.ts';

export interface Rules {
  /** Of bytes from the node that connects, and to it. */
  out: FlowRule;
  back: FlowRule;
}

export interface Hears {
  closed(connection: RelayedConnection): void;
  /** Nobody listens at the target. */
  refused(): void;
}

export class RelayedConnection {
  private sockets: Socket[];
  private flows: Flow[] = [];

  /** `near` is a connection that was accepted and is not read yet. */
  constructor(
    near: Socket,
    target: number,
    private readonly rules: Rules,
    later: Later,
    private readonly hears: Hears,
  ) {
    this.sockets = [near];
    this.watch(near);
    if (this.cut('reset')) this.reset();
    else if (!this.cut('drop')) this.open(near, target, later);
  }

  /** The rules have changed. */
  obey(): void {
    if (this.cut('reset')) this.reset();
    else for (const flow of this.flows) flow.obey();
  }

  /** Goes on only where nothing was lost. */
  heal(): void {
    const whole = this.flows.length > 0 && !this.flows.some((flow) => flow.lost);
    if (!whole) this.reset();
  }

  reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  private open(near: Socket, target: number, later: Later): void {
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    this.sockets.push(far);
    this.watch(far);
    far.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED') this.hears.refused();
    });
    this.flows = [
      new Flow(near, far, this.rules.out, later),
      new Flow(far, near, this.rules.back, later),
    ];
  }

  private cut(how: FlowRule['cut']): boolean {
    return this.rules.out.cut === how || this.rules.back.cut === how;
  }

  private watch(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('error', () => {}); // The flows tell the other side.
    socket.on('close', () => {
      if (this.sockets.every((each) => each.destroyed)) this.hears.closed(this);
    });
  }
}
