// Lets a fault happen, and undoes all of them.
import type pg from 'pg';
import { disconnect } from '../../ts-src/cli/database_client.ts';
import { signal } from '../../ts-src/cli/process_tree.ts';
import type { LocalNodes } from '../cluster/local_nodes.ts';
import type { Fault } from './fault.ts';

const TIMEOUT_MS = 3_000;

/** False where it could not happen: another fault came before. */
export async function inject(nodes: LocalNodes, fault: Fault): Promise<boolean> {
  const { node } = fault;
  const others = nodes.ids.filter((each) => each !== node);
  switch (fault.kind) {
    case 'kill node':
      await nodes.kill(node);
      return true;
    case 'stop node':
      await nodes.stop(node, 'fast');
      return true;
    case 'take out node':
      return on_node(nodes, others[0]!, async (client) => {
        await client.query('SELECT mtm.stop_node($1)', [node]);
        return true;
      });
    case 'pause node':
      await nodes.pause(node);
      return true;
    case 'isolate node':
      await nodes.partition([[node], others]);
      return true;
    case 'mute node':
      for (const other of others) await nodes.cut(node, other, { one_way: true });
      return true;
    case 'deafen node':
      for (const other of others) await nodes.cut(other, node, { one_way: true });
      return true;
    case 'cut edge':
      await nodes.cut(node, fault.other);
      return true;
    case 'cut edge one way':
      await nodes.cut(node, fault.other, { one_way: true });
      return true;
    case 'kill process':
      return kill_process(nodes, node, fault.process);
    case 'crash at point':
      return on_node(nodes, node, async (client) => {
        await client.query("SELECT mtm.inject_2pc_error($1, 'crash')", [fault.point]);
        return true;
      }, BYPASS);
  }
}

export async function mend(nodes: LocalNodes): Promise<void> {
  await nodes.heal();
  for (const node of nodes.ids) {
    await nodes.resume(node);
    await nodes.start(node);
  }
}

/** What `take out node` did; where its answer was lost it may have been done as well. */
export async function take_in(nodes: LocalNodes): Promise<void> {
  for (const node of nodes.ids) {
    await on_node(nodes, node, async (client) => {
      await client.query('SELECT mtm.resume_node(id) FROM mtm.cluster_nodes WHERE stopped AND NOT dropped');
      return true;
    });
  }
}

/** A point where nobody came by must not crash somebody later. */
export async function clear_points(nodes: LocalNodes): Promise<void> {
  for (const node of nodes.ids) {
    await on_node(nodes, node, async (client) => {
      await client.query("SELECT mtm.inject_2pc_error('')");
      return true;
    }, BYPASS);
  }
}

function kill_process(nodes: LocalNodes, node: number, backend_type: string): Promise<boolean> {
  return on_node(nodes, node, async (client) => {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE backend_type = $1 AND pid <> pg_backend_pid()
       ORDER BY backend_start LIMIT 1`,
      [backend_type],
    );
    const [victim] = rows;
    if (victim === undefined) return false;
    signal(victim.pid, 'SIGKILL');
    return true;
  }, BYPASS);
}

/** What is written with it stays on the node; without it, an online node is needed. */
const BYPASS = { options: '-c multimaster.bypass=on' };

async function on_node(
  nodes: LocalNodes,
  node: number,
  work: (client: pg.Client) => Promise<boolean>,
  options: { options?: string } = {},
): Promise<boolean> {
  let client: pg.Client | null = null;
  try {
    client = await nodes.client(node, {
      connect_timeout_ms: TIMEOUT_MS,
      statement_timeout_ms: TIMEOUT_MS,
      ...options,
    });
    return await work(client);
  } catch {
    return false;
  } finally {
    if (client !== null) await disconnect(client);
  }
}
