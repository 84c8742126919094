// The steps by which servers become nodes, and how they are taken back. Nothing is final before
// what is prepared on all of them is committed.
import { facts_of } from './forming_checks.ts';
import { surroundings } from './forming_roles.ts';
import { literal, type FormingServer } from './forming_server.ts';
import { INIT_GID, WRITERS } from './forming_sql.ts';
import { row } from './sql.ts';
import { SqlError } from './sql_error.ts';

const COPY = 'SELECT mtm.shell_form_copy($1, $2, $3, $4)';
const DIGEST = 'SELECT mtm.shell_form_digest($1) AS digest';
const SLEEP = 'SELECT pg_catalog.pg_sleep(0.1)';

/** A transaction that is open for longer must be ended by who knows what it is. */
const LONGEST_WRITER_MS = 15_000;

const PREPARE = `PREPARE TRANSACTION '${INIT_GID}'`;
/** To psql: an error must not quote what has a password in it. */
const HIDE = '\\set VERBOSITY terse';
const SHOW = '\\set VERBOSITY default';

const LEFT_PREPARED = `SELECT count(*)::int4 FROM pg_prepared_xacts WHERE gid = '${INIT_GID}'`;

/** So that an interrupted run is simply started again. */
export function forget_earlier_run(servers: readonly FormingServer[]): void {
  for (const server of servers) {
    if (server.ask(LEFT_PREPARED) !== 0) server.run(`ROLLBACK PREPARED '${INIT_GID}'`);
  }
}

/** From now on nobody commits what the copy might lack, and nothing of that kind is under way. */
export function hold_writes(servers: readonly FormingServer[]): void {
  for (const server of servers) set_hold(server, "'forming'");
  for (const server of servers) wait_for_writers(server);
}

function set_hold(server: FormingServer, state: string): void {
  server.with_extension(() => server.run(`SELECT mtm.shell_form_hold(${state})`));
}

function wait_for_writers(server: FormingServer): void {
  const deadline = Date.now() + LONGEST_WRITER_MS;
  const key = ({ pid, xid }: Record<string, unknown>) => `${String(pid)} ${String(xid)}`;
  const writers = new Set(server.run(WRITERS).map(key));
  for (;;) {
    const left = server.run(WRITERS).find((writer) => writers.has(key(writer)));
    if (left === undefined) break;
    if (Date.now() > deadline) {
      throw new SqlError('55000', `server ${server.id}: process ${String(left['pid'])} has an open transaction`, {
        hint: 'It writes in the database that is to be copied: end it, then start again.',
      });
    }
    row(SLEEP);
  }
  const { prepared } = facts_of(server);
  if (prepared === null) return;
  throw new SqlError('55000', `server ${server.id}: the prepared transaction "${prepared}" is open: end it`);
}

/** On each server, as a transaction that is prepared: the contents, and what a node needs of them. */
export function bring_contents(servers: readonly FormingServer[], say: (text: string) => void): void {
  const [first, ...others] = servers as [FormingServer, ...FormingServer[]];
  const conn_strings = conn_strings_of(servers);
  const prepare = (server: FormingServer) =>
    `SELECT mtm.shell_form_prepare(${server.id}, ${literal(conn_strings)})`;
  let digest: string | null = null;
  for (const other of others) {
    if (facts_of(other).object === null) {
      say(`copying the database to server ${other.id}`);
      copy(first, other, prepare(other));
      continue;
    }
    say(`comparing the database of server ${other.id}`);
    digest ??= digest_of(first);
    if (digest_of(other) !== digest) throw not_the_same(other);
    prepare_on(other, prepare(other));
  }
  prepare_on(first, prepare(first));
}

function copy(first: FormingServer, other: FormingServer, prepare: string): void {
  const before = [
    HIDE,
    'SET log_statement = none',
    'SET log_min_duration_statement = -1',
    'SET log_min_error_statement = panic',
    'SET multimaster.bypass = on',
    'SET statement_timeout = 0',
    "SET lock_timeout = '60s'",
    'BEGIN',
    'DROP EXTENSION IF EXISTS multimaster',
    'DROP EXTENSION IF EXISTS plv8',
    'DROP SCHEMA IF EXISTS mtm',
    ...surroundings(first, other),
    SHOW,
  ];
  const after = [HIDE, prepare, PREPARE];
  const text = (lines: string[]) => lines.map((line) => (line.startsWith('\\') ? `${line}\n` : `${line};\n`)).join('');
  const types = ['text', 'text', 'text', 'text'];
  row(COPY, types, [first.setup_conninfo, other.setup_conninfo, text(before), text(after)]);
}

function digest_of({ setup_conninfo }: FormingServer): string {
  return String(row(DIGEST, ['text'], [setup_conninfo])['digest']);
}

function not_the_same(server: FormingServer): SqlError {
  const { object } = facts_of(server);
  return new SqlError('55000', `the database of server ${server.id} is neither empty nor the same as the first one's`, {
    detail: `It has ${object}, among others.`,
    hint: 'Drop the database there and create it again, or begin with a base backup of the first server.',
  });
}

function prepare_on(server: FormingServer, prepare: string): void {
  server.run('BEGIN');
  server.run(prepare);
  server.run(PREPARE);
}

/** The first one last: as long as it is not done, it is as it was. No node before all have the contents. */
export function finish(servers: readonly FormingServer[]): void {
  const conn_strings = literal(conn_strings_of(servers));
  const first_last = [...servers].reverse();
  for (const server of first_last) server.run(`COMMIT PREPARED '${INIT_GID}'`);
  for (const server of first_last) {
    server.run(`ALTER SYSTEM SET multimaster.node_id = ${server.id}`);
    server.run(`ALTER SYSTEM SET multimaster.conn_strings = ${conn_strings}`);
    server.run("SELECT mtm.shell_form_hold('formed')");
  }
}

function conn_strings_of(servers: readonly FormingServer[]): string {
  return servers.map(({ conninfo }) => conninfo).join(', ');
}

/** Also where a server is lost by now; which servers keep something? */
export function take_back(servers: readonly FormingServer[]): number[] {
  return servers.filter((server) => !succeeds(() => take_back_on(server))).map(({ id }) => id);
}

function take_back_on(server: FormingServer): void {
  server.open();
  server.settle();
  forget_earlier_run([server]);
  server.run('ALTER SYSTEM RESET multimaster.node_id');
  server.run('ALTER SYSTEM RESET multimaster.conn_strings');
  set_hold(server, 'NULL');
}

function succeeds(act: () => void): boolean {
  try {
    plv8.subtransaction(act);
    return true;
  } catch {
    return false;
  }
}
