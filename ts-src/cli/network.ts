// `multimaster cut`, `partition`, `delay` and `heal`: the network between the nodes of
// a cluster that was made with --proxy.
import { server_name } from './cluster_record.ts';
import { Failure } from './failure.ts';
import { LocalCluster } from './local_cluster.ts';
import type { Direction, FlowState } from './relay.ts';
import { ask_relay, type RelayCommand } from './relay_control.ts';
import { relay_pid, relay_socket } from './relay_process.ts';

export interface CutOptions {
  /** Only what the first node says to the second is lost. */
  one_way?: boolean;
  /** Break connections, and new ones, instead of letting them hang. */
  reset?: boolean;
}

export async function cut(
  cluster: LocalCluster,
  one: number,
  other: number,
  options: CutOptions = {},
): Promise<void> {
  if (options.one_way && options.reset) {
    throw new Failure('bad_argument', '--reset breaks both ways: leave out --one-way');
  }
  const directions = options.one_way ? [direction(cluster, one, other)] : both(cluster, one, other);
  const how = options.reset ? 'reset' : 'drop';
  await command(cluster, { verb: 'cut', directions, how });
}

/** Cuts every edge between two of the groups. */
export async function partition(
  cluster: LocalCluster,
  groups: number[][],
  options: Pick<CutOptions, 'reset'> = {},
): Promise<void> {
  check_groups(groups);
  const directions = groups.flatMap((group) =>
    group.flatMap((from) =>
      groups
        .filter((other) => other !== group)
        .flatMap((other) => other.map((to) => direction(cluster, from, to))),
    ),
  );
  await command(cluster, { verb: 'cut', directions, how: options.reset ? 'reset' : 'drop' });
}

export async function delay(
  cluster: LocalCluster,
  one: number,
  other: number,
  delay_ms: number,
): Promise<void> {
  await command(cluster, { verb: 'delay', directions: both(cluster, one, other), delay_ms });
}

export async function heal(cluster: LocalCluster): Promise<void> {
  await command(cluster, { verb: 'heal' });
}

/** What is wrong with the network, or why that is not known. */
export async function network_state(
  cluster: LocalCluster,
): Promise<{ disturbed: FlowState[] } | { error: string } | null> {
  if (!cluster.record.proxy) return null;
  return command(cluster, { verb: 'show' }).then(
    (disturbed) => ({ disturbed }),
    (error: Error) => ({ error: error.message }),
  );
}

export function in_words({ from, to, cut, delay_ms, dropped }: FlowState): string {
  const way = `from ${server_name(from)} to ${server_name(to)}`;
  if (cut === 'drop') return `${way}: everything is lost, ${dropped} bytes so far`;
  return cut === 'reset' ? `${way}: connections are reset` : `${way}: ${delay_ms} ms late`;
}

async function command(cluster: LocalCluster, what: RelayCommand): Promise<FlowState[]> {
  if (!cluster.record.proxy) {
    throw new Failure(
      'bad_argument',
      `the cluster in ${cluster.dir} was made without --proxy: its network cannot be disturbed`,
    );
  }
  if (relay_pid(cluster.dir) === null) {
    throw new Failure(
      'not_online',
      'the relay between the nodes does not run: "multimaster up" starts it',
    );
  }
  return ask_relay(relay_socket(cluster.dir), what);
}

function both(cluster: LocalCluster, one: number, other: number): Direction[] {
  return [direction(cluster, one, other), direction(cluster, other, one)];
}

function direction(cluster: LocalCluster, from: number, to: number): Direction {
  cluster.check_node(from);
  cluster.check_node(to);
  if (from !== to) return { from, to };
  throw new Failure('bad_argument', `node ${from} has no network to itself`);
}

function check_groups(groups: number[][]): void {
  const all = groups.flat();
  const twice = all.find((node, index) => all.indexOf(node) !== index);
  if (twice !== undefined) {
    throw new Failure('bad_argument', `node ${twice} cannot be in two places`);
  }
  if (groups.length < 2) {
    throw new Failure('bad_argument', 'a partition has two groups or more, like "1,2 3"');
  }
}
