// Which part a server's process plays: by its title in /proc, or by its row of
// pg_stat_activity. Both ways give the same names.
import { LINK_ROLE } from '../../ts-src/cli/cluster_record.ts';

/** Their titles, and backend types, begin with what they are. */
const NAMED = [
  'multimaster link sender',
  'multimaster flusher',
  'multimaster apply worker',
  'multimaster receiver',
  'multimaster recovery',
  'multimaster lane',
  'multimaster monitor',
  'multimaster deadlock detector',
  'walsender',
  'walreceiver',
  'startup',
  'checkpointer',
  'background writer',
  'walwriter',
  'autovacuum launcher',
  'autovacuum worker',
  'logical replication launcher',
];

export const POSTMASTER = 'postmaster';
export const CLIENT_BACKEND = 'client backend';
const LINK_RECEIVER = 'multimaster link receiver';
const PEER_QUERY = "a peer's query";

export function kind_of_title(title: string): string {
  if (!title.startsWith('postgres: ')) return POSTMASTER;
  const text = title.slice('postgres: '.length);
  const named = NAMED.find((name) => text.startsWith(name));
  if (named !== undefined) return named;
  if (text.includes('multimaster link from node')) return LINK_RECEIVER;
  const session = /^(\S+) \S+ (\[local\]|[0-9a-f.:]+\(\d+\))/.exec(text);
  if (session === null) return 'other';
  return session[1] === LINK_ROLE ? PEER_QUERY : CLIENT_BACKEND;
}

export function kind_of_activity(backend_type: string, application_name: string): string {
  const named = NAMED.find((name) => backend_type.startsWith(name));
  if (named !== undefined) return named;
  if (backend_type !== CLIENT_BACKEND) return 'other';
  if (/^multimaster link \d+$/.test(application_name)) return LINK_RECEIVER;
  return application_name.startsWith('multimaster') ? PEER_QUERY : CLIENT_BACKEND;
}
