// Compiles background_commit.c where the servers of this machine can read it.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { find_postgres } from '../../../ts-src/cli/postgres_install.ts';
import { run_program } from '../../../ts-src/cli/run_program.ts';

const SOURCE = fileURLToPath(new URL('background_commit.c', import.meta.url));

export interface BuiltLibrary {
  path: string;
  remove(): void;
}

export async function build_background_commit(): Promise<BuiltLibrary> {
  const dir = mkdtempSync(join(tmpdir(), 'multimaster-bgw-'));
  chmodSync(dir, 0o755);
  const path = join(dir, 'background_commit.so');
  const headers = await succeed(join(find_postgres().bindir, 'pg_config'), ['--includedir-server']);
  const flags = ['-Wall', '-Werror', '-fPIC', '-shared', `-I${headers.trim()}`];
  await succeed('cc', [...flags, '-o', path, SOURCE]);
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(dir, { recursive: true }) };
}

async function succeed(program: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run_program(program, args);
  if (code !== 0) throw new Error(`${program} failed: ${stderr}`);
  return stdout;
}
