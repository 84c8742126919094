// The suite's files where the servers' user can read and write them: in the cluster's folder.
// And the way in for the suite's roles, which have no passwords: the folder's socket.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SUPERUSER, data_dir } from '../../ts-src/cli/cluster_record.ts';
import { write_file } from '../../ts-src/cli/create_node.ts';
import { Failure } from '../../ts-src/cli/failure.ts';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';
import { run_program } from '../../ts-src/cli/run_program.ts';
import { server_user } from '../../ts-src/cli/server_user.ts';
import type { LocalNodes } from '../cluster/local_nodes.ts';
import { schedule_apart, with_ends_of_data, type Place, type Suite } from './suite.ts';

/** As build/postgres_suites.sh leaves it. */
const BUILT = join('out', 'postgres-suites');

/** It comes with the headers of the server, beside the makefiles of PGXS. */
export function suite_program(suite: Suite): string {
  const makefile = execFileSync(process.env['PG_CONFIG'] || 'pg_config', ['--pgxs']).toString();
  const program = join(dirname(makefile.trim()), '..', '..', suite.program);
  if (existsSync(program)) return program;
  throw new Failure('not_installed', `${program} is missing: run "make setup"`);
}

export async function prepare_place(nodes: LocalNodes, suite: Suite): Promise<Place> {
  const dir = join(nodes.dir, 'suite');
  const place: Place = {
    input: join(dir, 'input'),
    output: join(dir, 'output'),
    libraries: join(dir, 'lib'),
    bindir: find_postgres().bindir,
    host: nodes.dir,
    port: nodes.port,
    user: SUPERUSER,
  };
  mkdirSync(place.output, { recursive: true });
  cpSync(join(BUILT, 'source', suite.folder), place.input, { recursive: true });
  cpSync(join(BUILT, 'lib'), place.libraries, { recursive: true });
  const schedule = join(place.input, suite.schedule);
  writeFileSync(schedule, schedule_apart(readFileSync(schedule, 'utf8'), suite.alone));
  if (minor_of(release_of_suite()) < SKIPS_DATA && minor_of(find_postgres().version) >= SKIPS_DATA) {
    end_data(join(place.input, 'sql'));
  }
  const user = server_user();
  if (user.must_switch) await run_program('chown', ['-R', `${user.uid}:${user.gid}`, dir]);
  await open_socket(nodes);
  await set_up_database(nodes, suite.database);
  return place;
}

/** Of PostgreSQL 15: the minor release whose psql skips the data of a COPY that fails. */
const SKIPS_DATA = 19;

const release_of_suite = () => `PostgreSQL ${readFileSync(join(BUILT, 'release'), 'utf8').trim()} `;

const minor_of = (version: string) => Number(/^PostgreSQL \d+\.(\d+)/.exec(version)?.[1]);

export const suite_is_of_this_release = () => find_postgres().version.startsWith(release_of_suite());

function end_data(dir: string): void {
  if (!existsSync(dir)) return;
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    writeFileSync(path, with_ends_of_data(readFileSync(path, 'utf8')));
  }
}

export const result_file = (place: Place, test: string) =>
  join(place.output, 'results', `${test}.out`);

/** What the drivers look for before the suite's own. */
export function write_expected(place: Place, output: Map<string, string>): void {
  mkdirSync(join(place.output, 'expected'));
  for (const [test, text] of output) {
    writeFileSync(join(place.output, 'expected', `${test}.out`), text);
  }
}

/** Only the servers' user can enter the folder. */
async function open_socket(nodes: LocalNodes): Promise<void> {
  const path = join(data_dir(nodes.dir, 1), 'pg_hba.conf');
  const lines = ['local all all trust', ...readFileSync(path, 'utf8').trimEnd().split('\n')];
  write_file(path, lines, server_user());
  const client = await nodes.client(1);
  try {
    await client.query('SELECT pg_reload_conf()');
  } finally {
    await client.end();
  }
}

/** As pg_regress sets up a database that it creates itself. */
async function set_up_database(nodes: LocalNodes, database: string): Promise<void> {
  const settings: [string, string][] = [
    ['lc_messages', 'C'],
    ['lc_monetary', 'C'],
    ['lc_numeric', 'C'],
    ['lc_time', 'C'],
    ['bytea_output', 'hex'],
    ['timezone_abbreviations', 'Default'],
  ];
  const client = await nodes.client(1);
  try {
    for (const [name, value] of settings) {
      await client.query(`ALTER DATABASE "${database}" SET ${name} TO '${value}'`);
    }
  } finally {
    await client.end();
  }
}
