// A copy of an online node that can start as another node: pg_basebackup, and what must be
// different in it. The server that starts in it does the rest (docs/membership.md, part 4).
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
  /** Where it may be replicated from. */
  source_conninfo: string;
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

/** Where it ends at the earliest. `before_named`: for what must not be lost. */
export async function take_base_backup(
  backup: BaseBackup,
  say: (text: string) => void,
  before_named: (backup_end: string) => void,
): Promise<void> {
  const unfinished = `${backup.data_dir}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const backup_end = await copy(backup, unfinished, say);
  say('making it a node of its own');
  rmSync(join(unfinished, 'pg_mtm'), { recursive: true, force: true });
  configure(backup, unfinished);
  before_named(backup_end);
  renameSync(unfinished, backup.data_dir);
}

async function copy(
  backup: BaseBackup,
  into: string,
  say: (text: string) => void,
): Promise<string> {
  const { conninfo, env } = without_password(backup.source_conninfo);
  const said = await run(
    backup,
    join(backup.postgres.bindir, 'pg_basebackup'),
    [
      ...['-D', into, '-d', conninfo, '-X', 'stream', '-c', 'fast'],
      ...['--progress', '--verbose', '--no-password'],
    ],
    // The words that are looked for below.
    { on_stderr: (text) => tell_progress(text, say), env: { ...env, LC_ALL: 'C' } },
  );
  const end = /write-ahead log end point: ([0-9A-F]+\/[0-9A-F]+)/.exec(said)?.[1];
  if (end !== undefined) return end;
  throw new Failure('start_failed', `pg_basebackup does not say where the copy for node ${backup.node} ends`);
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

async function run(
  { node, user, data_dir }: BaseBackup,
  program: string,
  args: string[],
  more: Pick<ProgramOptions, 'on_stderr' | 'env'>,
): Promise<string> {
  const result = await run_program(program, args, { user, cwd: dirname(data_dir), ...more });
  if (result.code === 0) return result.stderr;
  const name = program.split('/').at(-1);
  const why = first_complaint(result.stderr);
  throw new Failure('start_failed', `${name} failed for node ${node}: ${why}`);
}
