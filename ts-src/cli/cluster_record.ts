// A cluster's folder: where it is, what lies where in it, and cluster.json, which
// remembers what the cluster was made with.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure } from './failure.ts';
import type { Settings } from './node_config.ts';
import { hand_over, type ServerUser } from './server_user.ts';

export const SUPERUSER = 'postgres';
/** The role of the links between the nodes: LOGIN REPLICATION and nothing else. */
export const LINK_ROLE = 'multimaster';

/** In place of a node's number: the referee's server, which is no node. */
export const REFEREE = 0;

export interface ClusterRecord {
  format: 1;
  nodes: number;
  port: number;
  db: string;
  settings: Settings;
  /** The nodes reach each other through relays, which the command line can cut. */
  proxy?: boolean;
  /** Port of the referee's server, where there is one. */
  referee?: number;
  /** Nodes in this folder that `join` made. */
  added?: readonly AddedNode[];
  /** The one that `join` is at work on, or was when it was interrupted. */
  joining?: JoiningNode;
}

export interface AddedNode {
  node: number;
  port: number;
}

export interface JoiningNode extends AddedNode {
  /** Where its base backup ended; not there: none was made yet. */
  backup_end?: string;
}

export function default_dir(user: ServerUser): string {
  // Nothing below root's home can be reached by the user that runs the servers.
  if (user.must_switch) return '/var/lib/multimaster/default';
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  return join(state, 'multimaster', 'default');
}

/** Paths go into connection strings and configuration files. */
export function checked_dir(dir: string): string {
  const path = resolve(dir);
  if (/[,'"\\\n]/.test(path)) {
    throw new Failure(
      'bad_argument',
      `the folder ${path} has a comma, quote, backslash or line end in its name`,
    );
  }
  return path;
}

export const record_file = (dir: string) => join(dir, 'cluster.json');
export const password_file = (dir: string) => join(dir, 'pgpass');
export const node_dir = (dir: string, node: number) =>
  join(dir, node === REFEREE ? 'referee' : `node${node}`);
export const data_dir = (dir: string, node: number) => join(node_dir(dir, node), 'data');
export const log_file = (dir: string, node: number) => join(node_dir(dir, node), 'log');
/** What `join` writes for the server to read: the nodes that the settings name. */
export const nodes_file = (dir: string, node: number) => join(node_dir(dir, node), 'conn_strings');

/** For people to read. */
export const server_name = (node: number) => (node === REFEREE ? 'the referee' : `node ${node}`);

export function node_port(record: ClusterRecord, node: number): number {
  if (node === REFEREE && record.referee !== undefined) return record.referee;
  const all = [...(record.added ?? []), ...(record.joining ? [record.joining] : [])];
  return all.find((added) => added.node === node)?.port ?? record.port + node - 1;
}

/** The nodes that `up` made; multimaster.conn_strings names them. */
export function founder_ids(record: ClusterRecord): number[] {
  return Array.from({ length: record.nodes }, (_, index) => index + 1);
}

export function node_ids(record: ClusterRecord): number[] {
  return [...founder_ids(record), ...(record.added ?? []).map(({ node }) => node)];
}

/** All that runs in the folder. */
export function server_ids(record: ClusterRecord): number[] {
  return [...node_ids(record), ...(record.referee === undefined ? [] : [REFEREE])];
}

export function has_record(dir: string): boolean {
  return existsSync(record_file(dir));
}

export function read_record(dir: string): ClusterRecord {
  let text: string;
  try {
    text = readFileSync(record_file(dir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') {
      throw new Failure('no_rights', `no permission to read ${record_file(dir)}`);
    }
    throw new Failure('no_cluster', `there is no cluster in ${dir}: run "multimaster up"`);
  }
  const record = parse(text);
  if (record === null) {
    throw new Failure('no_cluster', `${record_file(dir)} is not a cluster's description`);
  }
  return record;
}

function parse(text: string): ClusterRecord | null {
  try {
    const record = JSON.parse(text) as Partial<ClusterRecord>;
    const whole =
      record.format === 1 &&
      Number.isInteger(record.nodes) &&
      Number.isInteger(record.port) &&
      typeof record.db === 'string';
    return whole ? ({ settings: {}, ...record } as ClusterRecord) : null;
  } catch {
    return null;
  }
}

export function write_record(dir: string, record: ClusterRecord, user: ServerUser): void {
  writeFileSync(record_file(dir), `${JSON.stringify(record, null, 2)}\n`);
  hand_over(record_file(dir), user);
}
