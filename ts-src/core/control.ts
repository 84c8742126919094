// Control: steps the state through events and has the effects done, in the order that
// safety asks for: first what need not wait, then the durable state to disk, then all
// that follows from it. The server's shell and the simulator both run this code; they
// differ in the world they give it.
import { encode_message, MESSAGE_VERSION, type Message } from './message.ts';
import { step } from './step.ts';
import type { Clock, Event, FinishResult } from './event.ts';
import type { Durable, State } from './state.ts';
import type { Effect, View } from './effect.ts';
import type { Gid } from './gid.ts';
import type { Look } from './holding.ts';
import type { NodeId, NodeSet } from './node_set.ts';
import type { Positions } from './horizon.ts';
import type { Value } from './ballot.ts';

export interface World {
  clock(): Clock;
  /** Returns when it is on disk. */
  save(durable: Durable): void;
  /** Returns when nobody acts by the view before it any more. */
  publish(view: View): void;
  /** Queued for the node, or lost. */
  send(to: NodeId, body: string): void;
  look(gids: readonly Gid[], remembered_by: NodeSet): Look;
  /** Returns when the mark of that generation is flushed in the WAL. */
  mark(generation: number): void;
  measure(): Positions;
  confirm(peer: NodeId, position: string): void;
  /** The answer comes as an event, if it comes. */
  ask_referee(number: number): void;
  finish(gid: Gid, value: Value): FinishResult;
  log(level: 'log' | 'warning', message: string): void;
}

/** One event leads to few others; more than this is a loop, not work. */
const MOST_EVENTS = 100_000;

export class Control {
  state: State;
  private saved: Durable | null = null;
  private readonly world: World;
  private readonly queue: Event[] = [];
  /** A heartbeat goes to many nodes: its text is made once. */
  private sent: { readonly message: Message; readonly body: string } | null = null;

  constructor(state: State, world: World) {
    this.state = state;
    this.world = world;
  }

  handle(event: Event): void {
    this.queue.push(event);
    for (let done = 0; this.queue.length > 0; done++) {
      if (done > MOST_EVENTS) throw new Error('the control plane goes round in circles');
      const { state, effects } = step(this.state, this.queue.shift()!, this.world.clock());
      this.state = state;
      for (const effect of effects.now) this.perform(effect);
      if (state.durable !== this.saved) {
        this.world.save(state.durable);
        this.saved = state.durable;
      }
      for (const effect of effects.durable) this.perform(effect);
    }
  }

  private perform(effect: Effect): void {
    switch (effect.kind) {
      case 'publish':
        this.world.publish(effect.view);
        break;
      case 'send':
        this.send(effect.to, effect.message);
        break;
      case 'look': {
        const look = this.world.look(effect.gids, effect.remembered_by);
        this.queue.push({ kind: 'looked', purpose: effect.purpose, look });
        break;
      }
      case 'finish': {
        const { gid, value } = effect;
        this.queue.push({ kind: 'finished', gid, value, result: this.world.finish(gid, value) });
        break;
      }
      case 'mark':
        this.world.mark(effect.generation);
        break;
      case 'measure':
        this.queue.push({ kind: 'measured', positions: this.world.measure() });
        break;
      case 'confirm':
        this.world.confirm(effect.peer, effect.position);
        break;
      case 'ask_referee':
        this.world.ask_referee(effect.number);
        break;
      case 'log':
        this.world.log(effect.level, effect.message);
        break;
    }
  }

  private send(to: NodeId, message: Message): void {
    const { node_id } = this.state.config;
    if (this.sent?.message !== message) this.sent = { message, body: this.text_of(message) };
    const { body } = this.sent;
    if (to === node_id) this.queue.push({ kind: 'message', from: node_id, body });
    else this.world.send(to, body);
  }

  private text_of(message: Message): string {
    const { config, durable } = this.state;
    return encode_message({
      version: MESSAGE_VERSION,
      cluster: config.cluster_name,
      from: config.node_id,
      incarnation: durable.incarnation,
      message,
    });
  }
}
