// The node that a new one is copied from: what must be known of it, and what it is asked
// to do, by psql, which understands every connection string that libpq does.
import { join } from 'node:path';
import { without_password } from './conn_string.ts';
import { Failure } from './failure.ts';
import { run_program, type ProgramResult } from './run_program.ts';
import type { PostgresInstall } from './postgres_install.ts';
import type { Settings } from './node_config.ts';

export interface SourceFacts {
  node: number;
  status: string;
  db: string;
  superuser: boolean;
  /** The nodes that the settings name, in order. */
  conn_strings: string[];
  /** How other nodes reach it; null: only its own settings know. */
  own_conn_string: string | null;
  /** Those of multimaster, and what the minimums depend on. */
  settings: Settings;
}

/** A node's own; and those that the new one's configuration says itself. */
const NOT_COPIED = ['node_id', 'conn_strings', 'major_node'].map((name) => `'multimaster.${name}'`);

const FACTS = `
  SELECT json_build_object(
    'node', mtm.my_node_id(),
    'status', (SELECT status FROM mtm.status()),
    'db', current_database(),
    'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    'setting', setting,
    'file', CASE WHEN setting LIKE '@%' THEN pg_read_file(substr(setting, 2)) END,
    'own_conn_string', (SELECT conninfo FROM mtm.cluster_nodes WHERE id = mtm.my_node_id()),
    'settings', (SELECT coalesce(json_object_agg(name, current_setting(name)), '{}') FROM pg_settings
                 WHERE source = 'configuration file' AND name NOT IN (${NOT_COPIED.join(', ')})
                   AND (name LIKE 'multimaster.%' OR name = 'max_connections')))
  FROM current_setting('multimaster.conn_strings') setting`;

/** is_no_copy: it must be made anew. */
export type Joined = { why_not: null } | { why_not: string; is_no_copy: boolean };

interface Nodes {
  readonly setting: string;
  /** What is in the file that the setting names. */
  readonly file: string | null;
}

export class JoinSource {
  constructor(
    private readonly postgres: PostgresInstall,
    private readonly conninfo: string,
  ) {}

  async facts(): Promise<SourceFacts> {
    const { setting, file, ...said } = JSON.parse(await this.ask(FACTS)) as SourceFacts & Nodes;
    const conn_strings = file === null ? split_list(setting) : split_file(file);
    const facts = { ...said, conn_strings };
    if (!facts.superuser) {
      throw new Failure('no_rights', '--from must name a superuser of the node that is copied');
    }
    if (facts.status !== 'online') {
      throw new Failure(
        'not_online',
        `node ${facts.node} is ${facts.status}: a new node begins as the copy of one that is online`,
      );
    }
    return facts;
  }

  async add_node(conninfo: string): Promise<number> {
    return Number(await this.ask(`SELECT mtm.add_node(${quote_literal(conninfo)})`));
  }

  /** The copy runs: it is told whose it is. */
  async join_node(node: number, backup_end: string): Promise<Joined> {
    const sql = `SELECT mtm.join_node(${node}, '${backup_end}')`;
    const result = await this.run(sql, ['-v', 'VERBOSITY=verbose']);
    if (result.code === 0) return { why_not: null };
    const [, sqlstate, message = result.stderr.trim()] = /ERROR:\s+(\w{5}): (.*)/.exec(result.stderr) ?? [];
    return { why_not: message, is_no_copy: sqlstate === '55000' };
  }

  async is_listed(node: number): Promise<boolean> {
    const sql = `SELECT EXISTS (SELECT FROM mtm.cluster_nodes WHERE id = ${node} AND NOT dropped)`;
    return (await this.ask(sql)) === 't';
  }

  /** The only node whose copy it may be; null: any. Its sequence values were that one's. */
  async split_from(node: number): Promise<number | null> {
    const found = await this.ask(`SELECT share_split_from FROM mtm.cluster_nodes WHERE id = ${node}`);
    return found === '' ? null : Number(found);
  }

  /** From now on it keeps its WAL for the new node. */
  async has_slot(node: number): Promise<boolean> {
    const sql = `SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'mtm_slot_${node}')`;
    return (await this.ask(sql)) === 't';
  }

  private run(sql: string, more: string[] = []): Promise<ProgramResult> {
    const { conninfo, env } = without_password(this.conninfo);
    const args = ['-XAtq', '-w', '-v', 'ON_ERROR_STOP=1', ...more, '-d', conninfo];
    return run_program(join(this.postgres.bindir, 'psql'), args, { input: `${sql};\n`, env });
  }

  private async ask(sql: string): Promise<string> {
    const result = await this.run(sql);
    if (result.code === 0) return result.stdout.trim();
    const why = result.stderr.trim().replace(/^psql:[^:]*:( error:)?\s*/, '').replace(/\n/g, '; ');
    throw new Failure('start_failed', `the node to copy, asked by --from, says: ${why}`);
  }
}

function quote_literal(text: string): string {
  return `'${text.replace(/'/g, "''")}'`;
}

/** As the server reads them: a comma in '...' separates nothing. */
function split_list(setting: string): string[] {
  const parts = setting.match(/(?:[^,']|'(?:[^'\\]|\\.)*')+/g) ?? [];
  return parts.map((part) => part.trim());
}

function split_file(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}
