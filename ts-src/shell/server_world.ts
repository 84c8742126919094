// The world of the control plane inside the server: the C functions of the extension.
import { bit_mask, intersection } from '../core/node_set.ts';
import { encode_durable } from '../core/durable.ts';
import { learn_added_nodes, make_slot } from './node_list.ts';
import { look } from './prepared_look.ts';
import { make_report } from './report.ts';
import { row } from './sql.ts';
import type { Clock, FinishResult } from '../core/event.ts';
import type { Config, Durable, State } from '../core/state.ts';
import type { Gid } from '../core/gid.ts';
import type { Look } from '../core/holding.ts';
import type { NodeId, NodeSet } from '../core/node_set.ts';
import type { Positions } from '../core/horizon.ts';
import type { Value } from '../core/ballot.ts';
import type { View } from '../core/effect.ts';
import type { World } from '../core/control.ts';

const SAVE = 'SELECT mtm.shell_save_state($1)';
const SEND = 'SELECT mtm.shell_send($1, $2) AS sent';
const FINISH = 'SELECT mtm.shell_finish($1, $2) AS result';
const PUBLISH =
  'SELECT mtm.shell_publish($1::int8, $2::int8, $3::int8, $4::int8, $5, $6, $7::int8, $8, $9)';
const PUBLISH_TYPES = [
  ...['text', 'text', 'text', 'text'],
  ...['int4', 'int4', 'text', 'text', 'text'],
];
const MARK = 'SELECT mtm.shell_mark($1::int8)';
const MEASURE = 'SELECT mtm.shell_measure() AS positions';
const SET_DROPPED = 'SELECT mtm.shell_set_dropped($1::int8)';
const ASK_REFEREE = 'SELECT mtm.shell_ask_referee($1::int8)';
const CONFIRM = 'SELECT mtm.shell_confirm($1, $2)';

export class ServerWorld implements World {
  /** Monotonic, as the monitor gives it with each step. */
  now_ms = 0;
  private readonly config: Config;
  private readonly state: () => State;

  constructor(config: Config, state: () => State) {
    this.config = config;
    this.state = state;
  }

  clock(): Clock {
    return { now_ms: this.now_ms, wall_ms: Date.now(), random: Math.random() };
  }

  save(durable: Durable): void {
    row(SAVE, ['text'], [encode_durable(this.config, durable)]);
  }

  publish(view: View): void {
    const report = JSON.stringify(make_report(this.state(), Date.now()));
    const { generation, members, configured, incarnation, status, donor, major } = view;
    const numbers = [generation, bit_mask(members), bit_mask(configured), incarnation];
    const online_in = String(this.state().durable.online_in);
    const words = [online_in, status, report];
    row(PUBLISH, PUBLISH_TYPES, [...numbers.map(String), donor, major, ...words]);
  }

  /** A message that finds no link is lost, as any other may be. */
  send(to: NodeId, body: string): void {
    row(SEND, ['int4', 'text'], [to, body]);
  }

  look(gids: readonly Gid[], remembered_by: NodeSet): Look {
    return look(this.config.node_id, gids, remembered_by);
  }

  /** Nothing is read from them or sent to them any more. */
  set_dropped(nodes: NodeSet): void {
    row(SET_DROPPED, ['text'], [bit_mask(nodes)]);
  }

  /** Members that were added read from here on: their slots are there before the mark. */
  mark(generation: number): void {
    const members = this.state().durable.generation?.members ?? [];
    for (const id of intersection(members, learn_added_nodes())) {
      if (id !== this.config.node_id) make_slot(id);
    }
    row(MARK, ['text'], [String(generation)]);
  }

  measure(): Positions {
    return row(MEASURE)['positions'] as Positions;
  }

  confirm(peer: NodeId, position: string): void {
    row(CONFIRM, ['int4', 'text'], [peer, position]);
  }

  ask_referee(number: number): void {
    row(ASK_REFEREE, ['text'], [String(number)]);
  }

  finish(gid: Gid, value: Value): FinishResult {
    return row(FINISH, ['text', 'bool'], [gid, value === 'commit'])['result'] as FinishResult;
  }

  log(level: 'log' | 'warning', message: string): void {
    plv8.elog(level === 'warning' ? WARNING : LOG, `multimaster: ${message}`);
  }
}
