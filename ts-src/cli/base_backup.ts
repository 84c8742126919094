// A copy of an online node that can start as another node: pg_basebackup, and what must be
// different in it (docs/membership.md, part 4).
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CONFIG_FILE, first_complaint, write_config, write_file } from './create_node.ts';
import { without_password } from './conn_string.ts';
import { Failure } from './failure.ts';
import { run_program, type ProgramOptions } from './run_program.ts';
import type { PostgresInstall } from './postgres_install.ts';
import type { ServerUser } from './server_user.ts';

export interface BaseBackup {
  node: number;
  /** Number of the node that is copied. */
  source: number;
  /** Where it may be replicated from. */
  source_conninfo: string;
  db: string;
  /** It gets its name only when it is whole. */
  data_dir: string;
  config_lines: string[];
  postgres: PostgresInstall;
  user: ServerUser;
}

/** Settings of the source alone, should ALTER SYSTEM have set them. */
const OWN_SETTINGS = [
  ...['port', 'listen_addresses', 'unix_socket_directories', 'data_directory', 'hba_file'],
  ...['ident_file', 'external_pid_file', 'multimaster.node_id', 'multimaster.conn_strings'],
  'multimaster.major_node',
];

export async function take_base_backup(
  backup: BaseBackup,
  say: (text: string) => void,
): Promise<void> {
  const unfinished = `${backup.data_dir}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await copy(backup, unfinished, say);
  say('making it a node of its own');
  rmSync(join(unfinished, 'pg_mtm'), { recursive: true, force: true });
  configure(backup, unfinished);
  const end = await replay(backup, unfinished);
  await run(backup, 'mkdir', ['-m', '700', join(unfinished, 'pg_mtm')]);
  write_file(join(unfinished, 'pg_mtm', 'copy'), [`${backup.source} ${end}`], backup.user);
  renameSync(unfinished, backup.data_dir);
}

/**
 * It could have made sequences, which nobody sees yet: they would give the source's values
 * on the new node as well. In one line, as single-user mode wants it.
 */
const PREPARED_CHANGE =
  'SELECT p.gid AS prepared_change FROM pg_catalog.pg_prepared_xacts p JOIN pg_catalog.pg_locks l ' +
  "ON l.pid IS NULL AND l.virtualtransaction = '-1/' || p.transaction " +
  "WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND p.gid NOT LIKE 'MTM-%' LIMIT 1;";

async function copy(
  backup: BaseBackup,
  into: string,
  say: (text: string) => void,
): Promise<void> {
  const { conninfo, env } = without_password(backup.source_conninfo);
  await run(
    backup,
    join(backup.postgres.bindir, 'pg_basebackup'),
    [
      ...['-D', into, '-d', conninfo, '-X', 'stream', '-c', 'fast'],
      ...['--progress', '--no-password'],
    ],
    { on_stderr: (text) => tell_progress(text, say), env },
  );
}

function tell_progress(text: string, say: (text: string) => void): void {
  const last = text.match(/\d+\/\d+ kB \(\d+%\)/g)?.at(-1);
  if (last !== undefined) say(`${last} copied`);
}

function configure({ config_lines, user }: BaseBackup, data_dir: string): void {
  write_config(data_dir, config_lines, user);
  const main = join(data_dir, 'postgresql.conf');
  const text = existsSync(main) ? readFileSync(main, 'utf8') : '';
  const include = `include '${CONFIG_FILE}'`;
  if (!text.split('\n').includes(include)) {
    write_file(main, [text.trimEnd(), include], user);
  }
  const auto = join(data_dir, 'postgresql.auto.conf');
  if (existsSync(auto)) {
    const is_own = (line: string) => OWN_SETTINGS.some((name) => line.startsWith(`${name} =`));
    const lines = readFileSync(auto, 'utf8').split('\n');
    writeFileSync(auto, lines.filter((line) => !is_own(line)).join('\n'));
  }
}

/**
 * In single-user mode and without the library: the end of the source's WAL in the copy,
 * known only to the server that has just replayed it.
 */
async function replay(backup: BaseBackup, data_dir: string): Promise<string> {
  const output = await run(
    backup,
    join(backup.postgres.bindir, 'postgres'),
    [
      ...['--single', '-D', data_dir],
      ...['-c', 'shared_preload_libraries=', '-c', 'exit_on_error=on', backup.db],
    ],
    { input: `SELECT pg_catalog.pg_last_wal_replay_lsn() AS replayed_to;\n${PREPARED_CHANGE}\n` },
  );
  const gid = /prepared_change = "(.*?)"\s*\(typeid/.exec(output)?.[1];
  if (gid !== undefined) {
    throw new Failure(
      'start_failed',
      `a user's prepared transaction "${gid}" has changed the schema: end it, then join again`,
    );
  }
  const end = /replayed_to = "([0-9A-F]+\/[0-9A-F]+)"/.exec(output)?.[1];
  if (end !== undefined) return end;
  throw new Failure('start_failed', `the copy for node ${backup.node} does not say how far it goes`);
}

async function run(
  { node, user, data_dir }: BaseBackup,
  program: string,
  args: string[],
  more: Pick<ProgramOptions, 'input' | 'on_stderr' | 'env'> = {},
): Promise<string> {
  const result = await run_program(program, args, { user, cwd: dirname(data_dir), ...more });
  if (result.code === 0) return result.stdout;
  const name = program.split('/').at(-1);
  const why = first_complaint(result.stderr);
  throw new Failure('start_failed', `${name} failed for node ${node}: ${why}`);
}
