// The command line's edge: runs the command and turns whatever went wrong into one
// sentence and exit code 1.
import { build_program } from './program.ts';

const program = build_program((code) => (process.exitCode = code));

try {
  await program.parseAsync();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`multimaster: ${text}\n`);
  process.exitCode = 1;
}
