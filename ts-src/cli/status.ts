// `multimaster status`: what every node says of itself and of the others.
import Table from 'cli-table3';
import { node_port, REFEREE } from './cluster_record.ts';
import { ADMIN_APPLICATION, connect, disconnect } from './database_client.ts';
import { in_words as bytes_in_words } from '../core/byte_size.ts';
import { LocalCluster } from './local_cluster.ts';
import { in_words, network_state } from './network.ts';
import type { FlowState } from './relay.ts';

const TIMEOUT_MS = 5_000;

type Row = Record<string, unknown>;

export interface NodeReport {
  node: number;
  port: number;
  pid: number | null;
  /** `stopped`, `paused`, `unreachable`, or what the node says of itself. */
  status: string;
  /** Why it is unreachable. */
  error?: string;
  /** mtm.get_cluster_state(), one row. */
  cluster_state?: Row;
  /** mtm.get_nodes_state(), a row a node. */
  nodes_state?: Row[];
}

export interface ClusterReport {
  dir: string;
  db: string;
  nodes: NodeReport[];
  /** Where there is one. */
  referee?: { port: number; pid: number | null };
  /** Of a cluster with --proxy: what does not pass between the nodes as it should. */
  network?: { disturbed: FlowState[] } | { error: string };
}

export async function cluster_report(cluster: LocalCluster): Promise<ClusterReport> {
  const network = await network_state(cluster);
  return {
    dir: cluster.dir,
    db: cluster.record.db,
    nodes: await Promise.all(cluster.nodes.map((node) => node_report(cluster, node))),
    ...(cluster.record.referee === undefined
      ? {}
      : { referee: { port: cluster.record.referee, pid: cluster.pid(REFEREE) } }),
    ...(network === null ? {} : { network }),
  };
}

async function node_report(cluster: LocalCluster, node: number): Promise<NodeReport> {
  const report = {
    node,
    port: node_port(cluster.record, node),
    pid: cluster.pid(node),
  };
  if (report.pid === null) return { ...report, status: 'stopped' };
  if (cluster.is_paused(node)) return { ...report, status: 'paused' };
  try {
    const { cluster_state, nodes_state } = await ask_node(cluster, node);
    const status = String(cluster_state['status'] ?? 'unknown');
    return { ...report, status, cluster_state, nodes_state };
  } catch (error) {
    return { ...report, status: 'unreachable', error: (error as Error).message };
  }
}

async function ask_node(cluster: LocalCluster, node: number) {
  const client = await connect(
    cluster.client_config(node, {
      application_name: ADMIN_APPLICATION,
      connect_timeout_ms: TIMEOUT_MS,
      statement_timeout_ms: TIMEOUT_MS,
    }),
  );
  try {
    const state = await client.query<Row>('SELECT * FROM mtm.get_cluster_state()');
    const nodes = await client.query<Row>('SELECT * FROM mtm.get_nodes_state()');
    return { cluster_state: state.rows[0] ?? {}, nodes_state: nodes.rows };
  } finally {
    await disconnect(client);
  }
}

export function report_table(report: ClusterReport): string {
  const columns = state_columns(report);
  const table = new Table({
    head: ['node', 'port', 'pid', 'status', ...columns],
    style: { head: [], border: [] },
  });
  for (const node of report.nodes) {
    const state = columns.map((name) => cell(node.cluster_state?.[name]));
    table.push([node.node, node.port, node.pid ?? '-', node.status, ...state]);
  }
  const errors = report.nodes.filter((node) => node.error !== undefined);
  const notes = errors.map((node) => `node ${node.node} is unreachable: ${node.error}`);
  const all = [...notes, ...reason_notes(report), ...absent_notes(report), ...referee_notes(report), ...network_notes(report)];
  return [table.toString(), ...all].join('\n');
}

/** Why a node is not online; of one that catches up, how much is left, and for how long. */
function reason_notes({ nodes }: ClusterReport): string[] {
  return nodes.flatMap(({ node, cluster_state }) => {
    const reason = String(cluster_state?.['reason'] ?? '');
    return reason === '' ? [] : [`node ${node} is not online: ${reason}`];
  });
}

/** What the others have of a node that the cluster goes on without. */
function absent_notes({ nodes }: ClusterReport): string[] {
  const notes = nodes.flatMap(({ node, status, nodes_state }) =>
    (status === 'online' ? (nodes_state ?? []) : []).flatMap((seen) => {
      if (seen['status'] === 'dropped') {
        return [`node ${seen['id']} was dropped: ${seen['reason']}; rebuild it with multimaster join`];
      }
      const kept = Number(seen['slot_lag'] ?? 0);
      if (seen['enabled'] !== false || kept === 0) return [];
      return [`node ${seen['id']} is away: node ${node} keeps ${bytes_in_words(kept)} of WAL for it`];
    }),
  );
  return [...new Set(notes)];
}

function referee_notes({ referee }: ClusterReport): string[] {
  if (referee === undefined) return [];
  const state = referee.pid === null ? 'stopped' : `pid ${referee.pid}`;
  return [`referee at port ${referee.port}: ${state}`];
}

function network_notes({ network }: ClusterReport): string[] {
  if (network === undefined) return [];
  return 'error' in network ? [network.error] : network.disturbed.map(in_words);
}

/** The part of mtm.get_cluster_state() that fits a line, where the server has it. */
const SHOWN = ['generation', 'gen_num', 'gen_members', 'live_nodes', 'all_nodes', 'in_doubt'];

function state_columns(report: ClusterReport): string[] {
  return SHOWN.filter((name) =>
    report.nodes.some((node) => node.cluster_state?.[name] !== undefined),
  );
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

export async function status(dir: string, as_json: boolean): Promise<string> {
  const report = await cluster_report(LocalCluster.open(dir));
  return as_json ? JSON.stringify(report, null, 2) : report_table(report);
}
