// The PostgreSQL installation to use, as pg_config describes it, and what has to
// be installed in it.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from './failure.ts';

export const SUPPORTED_MAJORS = [15];

const DEBIAN_PG_CONFIG = '/usr/lib/postgresql/15/bin/pg_config';

export interface PostgresInstall {
  bindir: string;
  sharedir: string;
  pkglibdir: string;
  major: number;
  version: string;
}

export function find_postgres(
  pg_config = process.env['PG_CONFIG'] || default_pg_config(),
): PostgresInstall {
  const [bindir, sharedir, pkglibdir, version] = ask(pg_config);
  const major = Number(/^PostgreSQL (\d+)/.exec(version ?? '')?.[1]);
  if (!bindir || !sharedir || !pkglibdir || !version || Number.isNaN(major)) {
    throw new Failure('wrong_version', `${pg_config} does not answer as pg_config does`);
  }
  if (!SUPPORTED_MAJORS.includes(major)) {
    throw new Failure(
      'wrong_version',
      `PostgreSQL ${SUPPORTED_MAJORS.join(' or ')} is needed, but ${pg_config} ` +
        `belongs to ${version}: set PG_CONFIG`,
    );
  }
  return { bindir, sharedir, pkglibdir, major, version };
}

function default_pg_config(): string {
  return existsSync(DEBIAN_PG_CONFIG) ? DEBIAN_PG_CONFIG : 'pg_config';
}

function ask(pg_config: string): string[] {
  const flags = ['--bindir', '--sharedir', '--pkglibdir', '--version'];
  try {
    const out = execFileSync(pg_config, flags, { stdio: ['ignore', 'pipe', 'ignore'] });
    return out.toString().trimEnd().split('\n');
  } catch {
    throw new Failure(
      'not_installed',
      `PostgreSQL was not found (${pg_config} does not run): run "make setup" ` +
        'or set PG_CONFIG',
    );
  }
}

/**
 * The server's default for output_plugin_libraries, null where it has none: minor
 * releases brought it, so the version number does not tell.
 */
export function default_output_plugins(postgres: PostgresInstall): string | null {
  const program = join(postgres.bindir, 'postgres');
  const out = execFileSync(program, ['--describe-config'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const line = out
    .toString()
    .split('\n')
    .find((row) => row.startsWith('output_plugin_libraries\t'));
  return line?.split('\t')[4] ?? null;
}

/** Refuses when a file of the extensions is missing from the installation. */
export function check_extensions(postgres: PostgresInstall): void {
  const files: [string, string][] = [
    ['multimaster', join(postgres.pkglibdir, 'multimaster.so')],
    ['multimaster', join(postgres.sharedir, 'extension', 'multimaster.control')],
    ['plv8', join(postgres.sharedir, 'extension', 'plv8.control')],
  ];
  for (const [extension, file] of files) {
    if (existsSync(file)) continue;
    throw new Failure(
      'not_installed',
      `extension "${extension}" is not installed for ${postgres.version} ` +
        `(${file} is missing): run "make setup build install"`,
    );
  }
}
