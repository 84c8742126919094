// Runs a program to its end and gives its exit code and output as values.
// Server programs run as the server's user, never as root.
import { spawn } from 'node:child_process';
import type { ServerUser } from './server_user.ts';

export interface ProgramResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ProgramOptions {
  user?: ServerUser;
  cwd?: string;
  input?: string;
  /** Beside the usual ones. */
  env?: NodeJS.ProcessEnv;
  /** Called with what the program says while it runs. */
  on_stdout?: (text: string) => void;
  on_stderr?: (text: string) => void;
  /** Ends the program; an error is thrown then. */
  signal?: AbortSignal;
}

export function run_program(
  program: string,
  args: string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...(options.user === undefined ? process.env : server_environment()), ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...spawn_identity(options.user),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      options.on_stdout?.(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      options.on_stderr?.(text);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
    // A program that ends before it has read all its input is judged by its code.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** The caller's PG* variables must not reach the links between the nodes. */
function server_environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return Object.fromEntries(kept);
}

/** uid and gid for spawn, only where this process is not that user already. */
export function spawn_identity(user: ServerUser | undefined): {
  uid?: number;
  gid?: number;
} {
  return user?.must_switch ? { uid: user.uid, gid: user.gid } : {};
}
