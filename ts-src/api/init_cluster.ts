// mtm.init_cluster(my_conninfo, peers_conninfo): servers that run become the nodes of a cluster,
// with the contents of this one's database.
import { look_at, problem_among, problem_of, problem_of_lock, type Facts } from '../shell/forming_checks.ts';
import { FormingServer } from '../shell/forming_server.ts';
import { bring_contents, finish, forget_earlier_run, hold_writes, take_back } from '../shell/forming_steps.ts';
import { row } from '../shell/sql.ts';
import { SqlError } from '../shell/sql_error.ts';

/** Names a server as no connection string can: whom this session is on. */
const HERE = `
  SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) || ' ' ||
    extract(epoch FROM pg_catalog.pg_postmaster_start_time()) AS identity,
    pg_catalog.current_database() AS database,
    pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL AS wrote`;

interface Arguments {
  readonly my_conninfo: string | null;
  readonly peers: readonly (string | null)[] | null;
  readonly setup: string | null;
}

function servers_of({ my_conninfo, peers, setup }: Arguments): FormingServer[] {
  if (my_conninfo === null || !peers?.length || peers.includes(null)) {
    throw new SqlError('22023', 'init_cluster() needs the connection string of this server and of at least one other');
  }
  const strings = [my_conninfo, ...(peers as string[])];
  return strings.map((text, index) => FormingServer.named(index + 1, text, setup ?? ''));
}

/** Sessions are opened here for the steps that follow. */
export function check_cluster(said: Arguments): null {
  check(servers_of(said));
  return null;
}

export function form_cluster(said: Arguments): null {
  const servers = servers_of(said);
  forget_earlier_run(servers);
  hold_writes(servers);
  bring_contents(servers, (text) => plv8.elog(NOTICE, text));
  finish(servers);
  plv8.elog(
    NOTICE,
    `${servers.length} servers are the nodes of a cluster now: restart all of them. ` +
      'Until then their database takes no writes.',
  );
  return null;
}

/** When form_cluster() failed, or was cancelled. */
export function take_back_cluster(said: Arguments): null {
  const left = take_back(servers_of(said));
  if (left.length > 0) {
    plv8.elog(WARNING, `what was begun on server ${left.join(', ')} could not be taken back: see docs/running.md`);
  }
  return null;
}

function check(servers: readonly FormingServer[]): void {
  const here = row(HERE);
  if (here['wrote'] === true) {
    throw new SqlError('25001', 'init_cluster() must be called in a transaction that has written nothing', {
      hint: 'Commit first: what is not committed is not copied.',
    });
  }
  const problems: string[] = [];
  const note = ({ id }: FormingServer, problem: string | null) => {
    if (problem !== null) problems.push(`Server ${id}: ${problem}.`);
  };
  const facts = servers.map((server) => facts_or_problem(server, note));
  refuse(problems);
  const known = facts as Facts[];
  servers.forEach((server, index) => note(server, problem_of(known[index]!, known[0]!, index === 0)));
  servers.forEach((server, index) => note(server, same_as_another(known, index)));
  if (known[0]!.identity !== here['identity'] || known[0]!.database !== here['database']) {
    problems.unshift('Server 1: its connection string leads to another server or database than this one.');
  }
  refuse(problems);
  for (const server of servers) note(server, problem_of_lock(server));
  refuse(problems);
  for (const server of servers) note(server, problem_among(server, servers, known));
  refuse(problems);
}

function facts_or_problem(
  server: FormingServer,
  note: (server: FormingServer, problem: string) => void,
): Facts | null {
  try {
    server.open();
    const found = look_at(server);
    if ('facts' in found) return found.facts;
    note(server, found.problem);
  } catch (error) {
    note(server, (error as Error).message.replace(/\n/g, '; ').trim());
  }
  return null;
}

function same_as_another(facts: readonly Facts[], index: number): string | null {
  const first = facts.findIndex(({ identity }) => identity === facts[index]!.identity);
  return first === index ? null : `it is the same server as server ${first + 1}`;
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new SqlError('55000', 'these servers cannot become a cluster, and nothing was changed', {
    detail: problems.join('\n'),
    hint: 'Mend what is said there, then call mtm.init_cluster() again.',
  });
}
