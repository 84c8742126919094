// The relays between nodes: what passes, what is lost, what is late, over real sockets.
// Nothing here depends on how fast something is.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { Relay } from '../../ts-src/cli/relay.ts';
import { allocate_ports, type PortRange } from '../cluster/port_range.ts';

/** One end of a connection, and what came to it. */
class End {
  received = '';
  ended = false;
  /** Of its closing; `closed` without an error. */
  fate: string | null = null;

  constructor(readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (this.received += text));
    socket.on('end', () => (this.ended = true));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.fate = error.code ?? 'error'));
    socket.on('close', () => (this.fate ??= 'closed'));
  }

  say(text: string): void {
    this.socket.write(text);
  }

  async hears(text: string): Promise<void> {
    await until(() => this.received.length >= text.length);
    expect(this.received).toBe(text);
  }

  async reset(): Promise<void> {
    await until(() => this.fate !== null);
    expect(this.fate).toBe('ECONNRESET');
  }
}

async function until(holds: () => unknown): Promise<void> {
  while (!holds()) await sleep(1);
}

/** The relay's clock: what is delayed comes when a test says so. */
class Clock {
  private waiting: { run: () => void; ms: number }[] = [];
  readonly later = (run: () => void, ms: number) => void this.waiting.push({ run, ms });

  get delays(): number[] {
    return this.waiting.map(({ ms }) => ms);
  }

  /** Those with this delay are due. */
  due(ms: number): void {
    const due = this.waiting.filter((each) => each.ms === ms);
    this.waiting = this.waiting.filter((each) => each.ms !== ms);
    for (const { run } of due) run();
  }
}

const ONE_TO_THREE = [{ from: 1, to: 3 }];
const BETWEEN = [...ONE_TO_THREE, { from: 3, to: 1 }];

describe('a relay', () => {
  let ports: PortRange;
  let relay: Relay;
  let clock: Clock;
  let servers: Server[];
  let accepted: Map<number, Socket[]>;
  let ends: End[];
  let routes: { from: number; to: number; port: number; target: number }[];

  beforeEach(async () => {
    ports = await allocate_ports();
    const target = (node: number) => ports.first + node;
    routes = [
      { from: 1, to: 3, port: ports.first + 4, target: target(3) },
      { from: 3, to: 1, port: ports.first + 5, target: target(1) },
      { from: 1, to: 2, port: ports.first + 6, target: target(2) },
      { from: 2, to: 1, port: ports.first + 7, target: target(1) },
    ];
    ends = [];
    accepted = new Map();
    servers = await all_ended([1, 2, 3].map((node) => listen(node, target(node))));
    clock = new Clock();
    relay = new Relay(routes, clock.later);
    await relay.listen();
  });

  afterEach(async () => {
    for (const { socket } of ends) socket.destroy();
    await relay.close();
    for (const socket of [...accepted.values()].flat()) socket.destroy();
    await all_ended(servers.map((server) => new Promise((closed) => server.close(closed))));
    await ports.release();
  });

  function listen(node: number, port: number): Promise<Server> {
    accepted.set(node, []);
    const server = createServer({ allowHalfOpen: true }, (socket) =>
      accepted.get(node)?.push(socket),
    );
    return new Promise((resolve) => {
      server.listen(port, '127.0.0.1', () => resolve(server));
    });
  }

  function dial(from: number, to: number): End {
    const route = routes.find((each) => each.from === from && each.to === to);
    const options = { port: route?.port ?? 0, host: '127.0.0.1', allowHalfOpen: true };
    const end = new End(connect(options));
    ends.push(end);
    return end;
  }

  /** Both ends, in the order in which they are asked for. */
  async function connected(from: number, to: number): Promise<[End, End]> {
    const near = dial(from, to);
    const sockets = accepted.get(to) ?? [];
    await until(() => sockets.length > 0);
    const far = new End(sockets.shift() as Socket);
    ends.push(far);
    return [near, far];
  }

  async function dropped(bytes: number): Promise<void> {
    const sum = () => relay.disturbed.reduce((total, rule) => total + rule.dropped, 0);
    await until(() => sum() >= bytes);
    expect(sum()).toBe(bytes);
  }

  test('passes bytes and the end of each side', async () => {
    const [one, three] = await connected(1, 3);
    one.say('question');
    await three.hears('question');
    three.say('answer');
    await one.hears('answer');
    one.socket.end();
    await until(() => three.ended);
    three.say(', and more');
    await one.hears('answer, and more');
    three.socket.end();
    await until(() => one.fate !== null && three.fate !== null);
    expect([one.fate, three.fate]).toEqual(['closed', 'closed']);
  });

  test('passes much to a reader that is slow, whole', async () => {
    const [one, three] = await connected(1, 3);
    three.socket.pause();
    const text = '0123456789abcdef'.repeat(1024 * 1024);
    one.say(text);
    one.socket.end();
    while (!three.ended) {
      three.socket.resume();
      await sleep(1);
      three.socket.pause();
    }
    expect(three.received === text).toBe(true);
  });

  test('passes a reset on', async () => {
    const [one, three] = await connected(1, 3);
    one.socket.resetAndDestroy();
    await three.reset();
  });

  test('resets a connection to a server that does not listen', async () => {
    await new Promise((closed) => servers[2]?.close(closed));
    await dial(1, 3).reset();
    // The relay hears of it as well, and listens no more than the server does.
    const refused = () => ends.some(({ fate }) => fate === 'ECONNREFUSED');
    const dial_again = () => ends.at(-1)?.fate !== null && dial(1, 3).say('hello');
    await until(() => refused() || void dial_again());
    servers[2] = await listen(3, ports.first + 3);
    const hears_us = () => accepted.get(3)?.some((socket) => String(socket.read()) === 'hello');
    await until(() => hears_us() || void dial_again());
  });

  test('cut: open connections hang, new ones too, those of others do not', async () => {
    const [one, three] = await connected(1, 3);
    const [back, forth] = await connected(3, 1);
    one.say('before');
    await three.hears('before');
    relay.cut(BETWEEN, 'drop');
    for (const end of [one, three, back, forth]) end.say('lost');
    await dropped(16);
    const hanging = dial(1, 3);
    hanging.say('lost, too');
    const [other, two] = await connected(1, 2);
    other.say('this passes');
    await two.hears('this passes');
    for (const end of [one, three, back, forth, hanging]) expect(end.fate).toBeNull();
    expect(accepted.get(3)).toEqual([]);
    relay.heal();
    for (const end of [one, three, back, forth, hanging]) await end.reset();
    expect([one, three, back, forth].map((end) => end.received)).toEqual(['', 'before', '', '']);
    const [again, hears] = await connected(1, 3);
    again.say('after');
    await hears.hears('after');
    other.say(' still');
    await two.hears('this passes still');
  });

  test('cut: the end of a connection is lost like its bytes', async () => {
    const [one, three] = await connected(1, 3);
    relay.cut(BETWEEN, 'drop');
    one.socket.end('x');
    await dropped(1);
    expect(three.ended).toBe(false);
    relay.heal();
    await three.reset();
    expect(three.received).toBe('');
  });

  test('cut: a connection that was silent meanwhile goes on', async () => {
    const [one, three] = await connected(1, 3);
    relay.cut(BETWEEN, 'drop');
    relay.heal();
    one.say('as if nothing were');
    await three.hears('as if nothing were');
  });

  test('cut one way: in whichever connection, the other way passes', async () => {
    const [one, three] = await connected(1, 3);
    const [dialled, answering] = await connected(3, 1);
    relay.cut(ONE_TO_THREE, 'drop');
    one.say('lost');
    answering.say('lost');
    await dropped(8);
    three.say('passes');
    dialled.say('passes');
    await one.hears('passes');
    await answering.hears('passes');
    // The handshake of a new one needs both ways.
    const hanging = [dial(1, 3), dial(3, 1)];
    const [other, two] = await connected(1, 2);
    other.say('passes');
    await two.hears('passes');
    expect([accepted.get(1), accepted.get(3)]).toEqual([[], []]);
    relay.heal();
    for (const end of [one, three, dialled, answering, ...hanging]) await end.reset();
    expect([three.received, dialled.received]).toEqual(['', '']);
  });

  test('cut with reset: open connections break, and new ones until it is healed', async () => {
    const [one, three] = await connected(1, 3);
    relay.cut(BETWEEN, 'reset');
    await one.reset();
    await three.reset();
    await dial(1, 3).reset();
    await dial(3, 1).reset();
    relay.heal();
    const [again, hears] = await connected(1, 3);
    again.say('after');
    await hears.hears('after');
  });

  test('delay: every byte and the end come later, in their order', async () => {
    const [one, three] = await connected(1, 3);
    relay.delay(BETWEEN, 500);
    one.say('first ');
    await until(() => clock.delays.length === 1);
    relay.delay(BETWEEN, 50);
    one.say('second ');
    await until(() => clock.delays.length === 2);
    one.socket.end('third');
    await until(() => clock.delays.length === 4);
    expect(clock.delays).toEqual([500, 50, 50, 50]);
    clock.due(50); // What is sooner does not overtake.
    three.say('back');
    await until(() => clock.delays.length === 2);
    expect([three.received, three.ended, one.received]).toEqual(['', false, '']);
    clock.due(500);
    await three.hears('first second third');
    await until(() => three.ended);
    clock.due(50);
    await one.hears('back');
  });

  test('delay, then cut: what is under way is lost', async () => {
    const [one, three] = await connected(1, 3);
    relay.delay(BETWEEN, 500);
    one.say('late');
    await until(() => clock.delays.length === 1);
    relay.cut(BETWEEN, 'drop');
    clock.due(500);
    await dropped(4);
    relay.heal();
    await three.reset();
    expect(three.received).toBe('');
  });

  test('tells what is disturbed', () => {
    expect(relay.disturbed).toEqual([]);
    relay.cut(ONE_TO_THREE, 'drop');
    relay.delay([{ from: 2, to: 1 }], 20);
    expect(relay.disturbed).toEqual([
      { from: 1, to: 3, cut: 'drop', delay_ms: 0, dropped: 0 },
      { from: 2, to: 1, cut: 'no', delay_ms: 20, dropped: 0 },
    ]);
    expect(() => relay.cut([{ from: 2, to: 3 }], 'drop')).toThrow(
      'nothing is relayed from node 2 to node 3',
    );
    relay.heal();
    expect(relay.disturbed).toEqual([]);
  });
});
