// `multimaster container-prepare`, the first half of the container's entrypoint:
// makes the data folder on the first start and writes the configuration on every
// start, from the environment. The entrypoint then becomes the server.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LINK_ROLE } from './cluster_record.ts';
import { create_node, write_config } from './create_node.ts';
import { Failure } from './failure.ts';
import { hba_lines, node_config_lines, type NodeConfig } from './node_config.ts';
import { password_lines } from './passwords.ts';
import { default_output_plugins, find_postgres } from './postgres_install.ts';
import { hand_over, server_user } from './server_user.ts';

type Environment = Record<string, string | undefined>;

const DEFAULT_PORT = 5432;
const DEFAULT_NETWORK = 'samenet';

export interface ContainerSettings {
  data_dir: string;
  password_file: string;
  superuser: string;
  superuser_password: string;
  link_password: string;
  db: string;
  networks: string[];
  config: NodeConfig;
}

export async function container_prepare(env: Environment): Promise<void> {
  const settings = container_settings(env);
  const user = server_user();
  const config_lines = node_config_lines(settings.config);
  const passwords = {
    superuser: settings.superuser_password,
    link_role: settings.link_password,
  };
  const parent = dirname(settings.data_dir);
  mkdirSync(parent, { recursive: true });
  hand_over(parent, user);
  // libpq reads it for the links: the entrypoint names it in PGPASSFILE.
  writeFileSync(settings.password_file, password_lines(passwords, settings.superuser), {
    mode: 0o600,
  });
  hand_over(settings.password_file, user);
  await create_node({
    name: `node ${settings.config.node_id}`,
    data_dir: settings.data_dir,
    bindir: find_postgres().bindir,
    user,
    superuser: settings.superuser,
    passwords,
    db: settings.db,
    config_lines,
    hba_lines: hba_lines(['127.0.0.1/32', ...settings.networks], LINK_ROLE),
  });
  write_config(settings.data_dir, config_lines, user);
}

export function container_settings(env: Environment): ContainerSettings {
  const conn_strings = required(env, 'MTM_CONN_STRINGS');
  const data_dir = required(env, 'PGDATA');
  return {
    data_dir,
    password_file: env['PGPASSFILE'] || join(dirname(data_dir), 'pgpass'),
    superuser: env['POSTGRES_USER'] || 'postgres',
    superuser_password: secret(env, 'POSTGRES_PASSWORD'),
    link_password: secret(env, 'MTM_PASSWORD'),
    db: env['POSTGRES_DB'] || 'app',
    networks: (env['MTM_NETWORKS'] || DEFAULT_NETWORK).split(/[\s,]+/),
    config: {
      node_id: whole_number(env, 'MTM_NODE_ID', undefined),
      node_count: count_nodes(conn_strings),
      conn_strings,
      port: whole_number(env, 'PGPORT', DEFAULT_PORT),
      listen_addresses: env['MTM_LISTEN_ADDRESSES'] || '*',
      socket_dir: env['MTM_SOCKET_DIR'] || '/var/run/postgresql',
      output_plugin_libraries: default_output_plugins(find_postgres()),
      extra: { max_connections: whole_number(env, 'MTM_MAX_CONNECTIONS', 100) },
    },
  };
}

function count_nodes(conn_strings: string): number {
  if (!conn_strings.startsWith('@')) return conn_strings.split(',').length;
  const lines = readFileSync(conn_strings.slice(1), 'utf8').split('\n');
  return lines.filter((line) => line.trim() !== '').length;
}

function required(env: Environment, name: string): string {
  const value = env[name];
  if (value) return value;
  throw new Failure('bad_argument', `the environment variable ${name} must be set`);
}

/** NAME, or the content of the file that NAME_FILE names. */
function secret(env: Environment, name: string): string {
  const file = env[`${name}_FILE`];
  if (!file) return required(env, name);
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch {
    throw new Failure('bad_argument', `${name}_FILE names ${file}, which cannot be read`);
  }
}

function whole_number(env: Environment, name: string, otherwise: number | undefined) {
  const text = env[name];
  if (!text && otherwise !== undefined) return otherwise;
  if (text && /^\d+$/.test(text)) return Number(text);
  throw new Failure('bad_argument', `${name} must be a whole number, not "${text ?? ''}"`);
}
