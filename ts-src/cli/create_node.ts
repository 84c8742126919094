// Makes one node's data folder: initdb, configuration, the database and the role
// of the links. The data folder gets its name only when it is whole, so that an
// interrupted run is simply done again. Also used by the container's entrypoint.
import { existsSync, rmSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LINK_ROLE } from './cluster_record.ts';
import { Failure } from './failure.ts';
import type { Passwords } from './passwords.ts';
import { run_program } from './run_program.ts';
import { hand_over, type ServerUser } from './server_user.ts';

export const CONFIG_FILE = 'multimaster.conf';

export interface NewNode {
  name: string;
  data_dir: string;
  bindir: string;
  user: ServerUser;
  superuser: string;
  passwords: Passwords;
  db: string;
  config_lines: string[];
  hba_lines: string[];
}

export async function create_node(node: NewNode): Promise<void> {
  if (existsSync(node.data_dir)) return;
  const unfinished = `${node.data_dir}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await init_data_dir(node, unfinished);
  write_config(unfinished, node.config_lines, node.user);
  write_file(join(unfinished, 'pg_hba.conf'), node.hba_lines, node.user);
  await create_roles_and_database(node, unfinished);
  renameSync(unfinished, node.data_dir);
}

/** Our settings have a file of their own, which is written again at each start. */
export function write_config(data_dir: string, lines: string[], user: ServerUser): void {
  const header = [
    '# Written by multimaster at each start. Settings of your own: ALTER SYSTEM,',
    '# or `multimaster up --set name=value`.',
  ];
  write_file(join(data_dir, CONFIG_FILE), [...header, ...lines], user);
}

export function write_file(path: string, lines: string[], user: ServerUser): void {
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  hand_over(path, user);
}

async function init_data_dir(node: NewNode, data_dir: string): Promise<void> {
  const password_file = `${data_dir}.password`;
  write_file(password_file, [node.passwords.superuser], node.user);
  try {
    await must_succeed(node, 'initdb', [
      ...['-D', data_dir, '-U', node.superuser, `--pwfile=${password_file}`],
      ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C.UTF-8'],
      '--data-checksums',
    ]);
  } finally {
    rmSync(password_file, { force: true });
  }
  const include = `\ninclude '${CONFIG_FILE}'\n`;
  writeFileSync(join(data_dir, 'postgresql.conf'), include, { flag: 'a' });
}

/** In single-user mode and without the library: there is no cluster to ask yet. */
async function create_roles_and_database(node: NewNode, data_dir: string): Promise<void> {
  const password = node.passwords.link_role.replace(/'/g, "''");
  const statements = [
    `CREATE ROLE ${LINK_ROLE} LOGIN REPLICATION PASSWORD '${password}';`,
    ...(node.db === 'postgres' ? [] : [`CREATE DATABASE ${quote_name(node.db)};`]),
  ];
  await must_succeed(
    node,
    'postgres',
    [
      ...['--single', '-D', data_dir],
      ...['-c', 'shared_preload_libraries=', '-c', 'exit_on_error=on'],
      ...['-c', 'log_statement=none', '-c', 'log_min_error_statement=panic'],
      'postgres',
    ],
    `${statements.join('\n')}\n`,
  );
}

function quote_name(name: string): string {
  return `"${name.replace(/"/g, '""')}"`;
}

async function must_succeed(
  node: NewNode,
  program: string,
  args: string[],
  input?: string,
): Promise<void> {
  const result = await run_program(join(node.bindir, program), args, {
    user: node.user,
    cwd: dirname(node.data_dir),
    ...(input === undefined ? {} : { input }),
  });
  if (result.code === 0) return;
  const why = first_complaint(result.stderr);
  throw new Failure('start_failed', `${program} failed for ${node.name}: ${why}`);
}

export function first_complaint(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const complaint = lines.find((line) => /(FATAL|PANIC|ERROR|error):/.test(line));
  return (complaint ?? lines[0] ?? 'it said nothing').trim();
}
