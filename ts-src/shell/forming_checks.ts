// Whether servers can become the nodes of one cluster: all that is wrong with them at once, and
// nothing changed on any of them.
import { literal, type FormingServer } from './forming_server.ts';
import { FIRST_OBJECT, INIT_GID } from './forming_sql.ts';

export interface Facts {
  readonly major: number;
  /** Of the server that runs, not of its data alone. */
  readonly identity: string;
  readonly in_recovery: boolean;
  readonly preloaded: string;
  readonly conn_strings: string | null;
  readonly cluster_name: string | null;
  readonly was_node: boolean;
  readonly forming: string | null;
  readonly database: string;
  readonly encoding: string;
  readonly locale: string;
  readonly version: string | null;
  readonly prepared: string | null;
  readonly slot: string | null;
  /** Something that is in the database; null: it is empty. */
  readonly object: string | null;
  readonly large_objects: boolean;
  readonly listed: boolean;
}

const SUPERUSER = 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user';
/** Held for as long as the session is there. */
const LOCK = "SELECT pg_try_advisory_lock(hashtext('multimaster init'))";

const IDENTITY = `
  (SELECT system_identifier FROM pg_catalog.pg_control_system()) || ' ' ||
  extract(epoch FROM pg_catalog.pg_postmaster_start_time())`;

const FACTS = `
  SELECT json_build_object(
    'major', current_setting('server_version_num')::int / 10000,
    'identity', ${IDENTITY},
    'in_recovery', pg_is_in_recovery(),
    'preloaded', current_setting('shared_preload_libraries'),
    'conn_strings', current_setting('multimaster.conn_strings', true),
    'cluster_name', current_setting('multimaster.cluster_name', true),
    'was_node', pg_stat_file('pg_mtm/state', true) IS NOT NULL,
    'forming', pg_read_file('pg_mtm/forming', 0, 100, true),
    'database', current_database(),
    'encoding', pg_encoding_to_char(encoding),
    'locale', concat_ws(' ', datlocprovider, datcollate, datctype, daticulocale),
    'version', (SELECT default_version FROM pg_available_extensions WHERE name = 'multimaster'),
    'prepared', (SELECT min(gid) FROM pg_prepared_xacts
                 WHERE database = current_database() AND gid <> ${`'${INIT_GID}'`}),
    'slot', (SELECT min(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'mtm\\_%'),
    'object', (${FIRST_OBJECT}),
    'large_objects', EXISTS (SELECT FROM pg_largeobject_metadata),
    'listed', EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('mtm.cluster_nodes')
                      AND pg_relation_size(oid) > 0)) AS facts
  FROM pg_database WHERE datname = current_database()`;

export function facts_of(server: FormingServer): Facts {
  return server.ask(FACTS) as Facts;
}

/** Problems of one server by itself; with none its facts are known. */
export function look_at(server: FormingServer): { problem: string } | { facts: Facts } {
  if (server.ask(SUPERUSER) !== true) {
    return { problem: 'the role that connects is no superuser: name one in "setup"' };
  }
  server.settle();
  return { facts: facts_of(server) };
}

/** So that two who call it at once do not meet. */
export function problem_of_lock(server: FormingServer): string | null {
  return server.ask(LOCK) === true ? null : 'mtm.init_cluster() is at work on it already';
}

/** In the order in which they are worth mending. */
export function problem_of(facts: Facts, first: Facts, is_first: boolean): string | null {
  if (facts.major !== first.major) return `it is PostgreSQL ${facts.major}, the first is ${first.major}`;
  if (facts.in_recovery) return 'it is a standby: promote it, or choose another';
  if (facts.version === null) return 'extension multimaster is not installed: run "make install" there';
  if (facts.version !== first.version) {
    return `its extension multimaster is ${facts.version}, the first one's ${first.version}`;
  }
  if (!/\bmultimaster\b/.test(facts.preloaded)) {
    return "set shared_preload_libraries = 'multimaster', and restart it";
  }
  if (facts.conn_strings) return 'it is a node of a cluster already: multimaster.conn_strings is set';
  if (facts.forming?.startsWith('formed')) {
    return 'it is to be a node already: restart it (to give that up, see docs/running.md)';
  }
  if (facts.was_node) return 'it was a node of a cluster: remove the folder pg_mtm of its data folder';
  if (facts.slot !== null) return `it has the replication slot "${facts.slot}" of a former cluster: drop it`;
  if (facts.listed) return 'table mtm.cluster_nodes has rows of a former cluster: create the extension anew';
  if (facts.database !== first.database) return `its database is "${facts.database}", not "${first.database}"`;
  if (facts.encoding !== first.encoding || facts.locale !== first.locale) {
    return `encoding and locale are ${facts.encoding}, ${facts.locale}; the first one's ${first.encoding}, ${first.locale}`;
  }
  if (facts.cluster_name !== first.cluster_name) {
    return 'multimaster.cluster_name is not that of the first: set it, and restart it';
  }
  if (facts.prepared !== null) return `the prepared transaction "${facts.prepared}" is open: end it`;
  if (is_first && facts.large_objects) {
    return 'it has large objects, which are not replicated: begin with base backups of it, or remove them';
  }
  return null;
}

const ROOM = 'SELECT mtm.shell_form_room';
const REACH = 'SELECT mtm.shell_form_reach';
const WHO = `SELECT ${IDENTITY} AS identity`;

/** Whether its settings have room, and it reaches all as the links will. */
export function problem_among(
  server: FormingServer,
  servers: readonly FormingServer[],
  facts: readonly Facts[],
): string | null {
  let problem: string | null = null;
  server.with_extension(() => {
    try {
      server.run(`${ROOM}(${servers.length})`);
      for (const [index, other] of servers.entries()) {
        const args = `${literal(other.conninfo)}, ${literal(WHO)}`;
        const answer = server.ask(`${REACH}(${args})`) as Reached;
        problem ??= problem_of_reached(answer, other, facts[index]!);
      }
    } catch (error) {
      const { message, detail } = error as Error & { detail?: string };
      const text = message.replace(/^server \d+: /, '').trim();
      problem = detail === undefined ? text : `${text}: ${detail.replace(/\n/g, '; ')}`;
    }
  });
  return problem;
}

interface Reached {
  readonly rows?: readonly { readonly identity: string }[];
  readonly error?: { readonly message: string };
}

function problem_of_reached({ rows, error }: Reached, other: FormingServer, facts: Facts): string | null {
  if (rows === undefined) return `it cannot ask server ${other.id}: ${error?.message}`;
  if (rows[0]?.identity === facts.identity) return null;
  return `by connection string ${other.id} it reaches another server than this session does`;
}
