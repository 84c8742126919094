// mtm.monitor_step(): what the monitor calls with all that happened since the last call.
// The control plane's state lives in the monitor's session, on this module.
import { Control } from '../core/control.ts';
import { is_dropped, known_nodes } from '../core/configured.ts';
import { is_copy } from '../core/recovery.ts';
import { difference, node_set, same_nodes, type NodeId } from '../core/node_set.ts';
import {
  DroppedNode,
  dropped_nodes,
  learn_added_nodes,
  stopped_nodes,
  why_dropped,
  why_dropped_here,
  with_slots,
} from './node_list.ts';
import { lease_end } from '../core/lease.ts';
import { follow_kept_wal } from './kept_wal.ts';
import { core_config, founders, shell_config, type ShellConfig } from './shell_config.ts';
import { decode_durable } from '../core/durable.ts';
import { initial_state, type Config, type Durable } from '../core/state.ts';
import { row } from './sql.ts';
import { ServerWorld } from './server_world.ts';
import { SqlError } from './sql_error.ts';
import type { Event } from '../core/event.ts';

export interface StepRequest {
  readonly now_ms: number;
  readonly events: readonly Event[];
}

export interface StepAnswer {
  /** Call again after this long at the latest. */
  readonly next_ms: number;
  /** Monotonic time until which statements may be answered; 0: not now. */
  readonly lease_end_ms: number;
}

/** The data plane is just ending what a ballot decided: look again soon. */
const BUSY_MS = 20;

const COPY_DONE = 'SELECT mtm.shell_copy_done()';
const TOLD = 'SELECT mtm.shell_is_dropped() AS dropped';
/** The list of nodes and WAL that is kept change slowly, and nothing tells us. */
const LIST_MS = 1_000;

let running: { readonly control: Control; readonly world: ServerWorld } | null = null;
let reported_ms = 0;
let listed_ms = -Infinity;
let dropped: readonly DroppedNode[] = [];
/** Was this node online since it began as a copy? */
let copy_done = false;

export function monitor_step({ now_ms, events }: StepRequest): StepAnswer {
  if (running === null) running = start(now_ms, events);
  const { control, world } = running;
  world.now_ms = now_ms;
  for (const event of events) control.handle(event);
  if (world.now_ms - listed_ms >= LIST_MS) {
    listed_ms = world.now_ms;
    follow_list(control, world);
    follow_kept_wal(control, world);
  }
  refresh_report(control, world);
  const { config, tenure } = control.state;
  return {
    next_ms: tenure.execution === null ? config.heartbeat_send_ms : BUSY_MS,
    lease_end_ms: lease_end(control.state, now_ms),
  };
}

function start(now_ms: number, events: readonly Event[]) {
  if (events[0]?.kind !== 'start') {
    throw new SqlError('XX000', 'the control plane is not running in this session');
  }
  learn_added_nodes();
  const settings = shell_config();
  check_known(settings);
  const config = core_config(settings);
  const world: ServerWorld = new ServerWorld(config, () => control.state);
  world.now_ms = now_ms;
  const control: Control = new Control(initial_state(config, load(config)), world);
  return { control, world };
}

function check_known({ node_id, nodes }: ShellConfig): void {
  if (nodes.some(({ id }) => id === node_id)) return;
  throw new SqlError('F0000', `nobody knows a node ${node_id}`, {
    detail: 'Neither multimaster.conn_strings nor mtm.cluster_nodes has it.',
    hint: 'Set multimaster.node_id to the number that mtm.add_node() gave, or use "multimaster join".',
  });
}

function load(config: Config): Durable | null {
  const text = row('SELECT mtm.shell_load_state() AS state')['state'] as string | null;
  if (text === null) return null;
  const decoded = decode_durable(config, text);
  if ('durable' in decoded) return decoded.durable;
  const { refused, hint } = decoded;
  throw new SqlError('XX001', `the saved state of the control plane is refused: ${refused}`, {
    hint,
  });
}

/** The view is published when it changes; what is only to be looked at, now and then. */
function refresh_report({ state }: Control, world: ServerWorld): void {
  const fresh = world.now_ms - reported_ms < state.config.heartbeat_send_ms / 2;
  if (state.view === null || fresh) return;
  reported_ms = world.now_ms;
  world.publish(state.view);
}

function follow_list(control: Control, world: ServerWorld): void {
  const added = learn_added_nodes();
  const settings = shell_config();
  const { node_id } = settings;
  const { state } = control;
  const told = row(TOLD)['dropped'] === true ? [node_id] : [];
  // Nobody reads from one that is still a copy; it cannot always make slots, either.
  const readable = is_copy(state) ? added : with_slots(added, node_id, (text) => world.log('warning', text));
  const able = node_set([...founders(settings), ...readable]);
  const listed = difference(able, [...dropped_nodes(), ...told]);
  const why_not = listed.includes(node_id) ? '' : why_dropped_here(node_id);
  const stopped = stopped_nodes();
  if (
    !same_nodes(listed, state.listed) ||
    !same_nodes(stopped, state.stopped) ||
    why_not !== state.why_dropped
  ) {
    control.handle({ kind: 'listed', nodes: listed, stopped, why_not });
  }
  // Who is not listed any more takes part as long as it is configured.
  const all = settings.nodes.map(({ id }) => id);
  const out = difference(all, [...known_nodes(control.state), ...added]);
  world.set_dropped(is_dropped(control.state) ? [...out, node_id] : out);
  const known = (id: NodeId) => dropped.find((node) => node.id === id) ?? new_dropped(id, world);
  if (!same_nodes(out, dropped.map(({ id }) => id))) dropped = out.map(known);
  if (control.state.view?.status !== 'online') return;
  for (const node of dropped) node.forget();
  if (settings.source !== 0 && !copy_done) row(COPY_DONE);
  copy_done = true;
}

function new_dropped(id: NodeId, world: ServerWorld): DroppedNode {
  const why = why_dropped(id);
  world.log('log', `node ${id} is not part of the cluster any more${why === '' ? '' : `: ${why}`}`);
  return new DroppedNode(id);
}
