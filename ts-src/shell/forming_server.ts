// A server that mtm.init_cluster() makes a node, and a superuser's session on it.
import { row, type Row } from './sql.ts';
import { SqlError } from './sql_error.ts';

const CONNINFO = 'SELECT mtm.shell_form_conninfo($1, $2) AS conninfo';
const OPEN = 'SELECT mtm.shell_form_open($1, $2)';
const RUN = 'SELECT mtm.shell_form_run($1, $2) AS answer';

/** What is said has passwords in it; and who waits for a lock must not wait for ever. */
const SESSION = `
  SET log_statement = none; SET log_min_duration_statement = -1; SET log_duration = off;
  SET log_min_error_statement = panic; SET multimaster.bypass = on; SET lock_timeout = '60s'`;

const EXTENSION = 'BEGIN; CREATE EXTENSION IF NOT EXISTS multimaster CASCADE';

interface Answer {
  readonly rows?: readonly Row[];
  readonly error?: { readonly sqlstate: string; readonly message: string; readonly detail?: string };
}

export class FormingServer {
  private constructor(
    /** The number of the node that it becomes. */
    readonly id: number,
    /** How the nodes reach it. */
    readonly conninfo: string,
    /** How this session does. */
    readonly setup_conninfo: string,
  ) {}

  static named(id: number, conninfo: string, setup: string): FormingServer {
    return new FormingServer(id, whole(id, conninfo, ''), whole(id, conninfo, setup));
  }

  open(): void {
    row(OPEN, ['int4', 'text'], [this.id, this.setup_conninfo]);
  }

  /** Now that it is known to be a superuser's. */
  settle(): void {
    this.run(SESSION);
  }

  run(sql: string): readonly Row[] {
    const { rows, error } = row(RUN, ['int4', 'text'], [this.id, sql])['answer'] as Answer;
    if (rows !== undefined) return rows;
    const { sqlstate = '08006', message = 'no answer', detail } = error ?? {};
    throw new SqlError(sqlstate, `server ${this.id}: ${message}`, detail === undefined ? {} : { detail });
  }

  /** The first row's first value. */
  ask(sql: string): unknown {
    return Object.values(this.run(sql)[0] ?? {})[0];
  }

  /** Where the extension may not be there yet: as if it were, with nothing left behind. */
  with_extension(act: () => void): void {
    try {
      this.run(EXTENSION);
      act();
    } finally {
      this.run('ROLLBACK');
    }
  }
}

function whole(id: number, conninfo: string, more: string): string {
  try {
    return String(row(CONNINFO, ['text', 'text'], [conninfo, more])['conninfo']);
  } catch (error) {
    if ((error as SqlError).sqlerrcode !== '22023') throw error;
    throw new SqlError('22023', `connection string ${id} is wrong: ${(error as Error).message}`);
  }
}

export function literal(text: string): string {
  return plv8.quote_literal(text);
}
