// What the processes of the cluster wait for, in a run of its own: pg_stat_activity
// of two nodes, twenty times a second. Processes in their main loops with nothing to
// do (wait events of type Activity) are left out.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { connect } from '../../ts-src/cli/database_client.ts';
import { CLUSTER } from './configuration.ts';
import { spread } from './measure.ts';
import type { Pgbench, Script } from './pgbench.ts';
import { CLIENT_BACKEND, kind_of_activity } from './process_kind.ts';
import { NODES, type Servers } from './servers.ts';

const SAMPLE_INTERVAL_MS = 50;
const SAMPLED_NODES = NODES.slice(0, 2);

export interface NodeWaits {
  node: number;
  samples: number;
  /** kind of process -> event -> how often it was seen */
  seen: Map<string, Map<string, number>>;
}

export async function sample_waits(
  servers: Servers,
  pgbench: Pgbench,
  script: Script,
  clients: number,
  seconds: number,
): Promise<NodeWaits[]> {
  const sessions = await all_ended(
    SAMPLED_NODES.map((node) => connect(servers.client_config(node))),
  );
  try {
    let running = true;
    const load = pgbench
      .run(script, spread(CLUSTER.entries, clients), seconds)
      .finally(() => (running = false));
    const nodes = SAMPLED_NODES.map((node, index) =>
      sample_node(node, sessions[index] as pg.Client, clients, () => running),
    );
    const [waits] = await all_ended([Promise.all(nodes), load.then(() => [])]);
    return waits ?? [];
  } finally {
    await all_ended(sessions.map((session) => session.end()));
  }
}

interface Activity {
  kind: string;
  event: string;
}

async function sample_node(
  node: number,
  session: pg.Client,
  clients: number,
  running: () => boolean,
): Promise<NodeWaits> {
  const waits: NodeWaits = { node, samples: 0, seen: new Map() };
  while (running()) {
    const activities = await look(session);
    // Not while the clients connect and leave.
    const backends = activities.filter(({ kind }) => kind === CLIENT_BACKEND).length;
    if (!CLUSTER.entries.includes(node) || backends === clients) {
      waits.samples++;
      for (const activity of activities) count(waits, activity);
    }
    await sleep(SAMPLE_INTERVAL_MS);
  }
  return waits;
}

async function look(session: pg.Client): Promise<Activity[]> {
  const { rows } = await session.query<{
    backend_type: string;
    application_name: string;
    event: string;
  }>({
    name: 'activity',
    text: `SELECT backend_type, coalesce(application_name, '') AS application_name,
                  coalesce(wait_event_type || ': ' || wait_event, 'runs') AS event
           FROM pg_stat_activity
           WHERE pid <> pg_backend_pid() AND backend_type IS NOT NULL
             AND wait_event_type IS DISTINCT FROM 'Activity'`,
  });
  return rows.map(({ backend_type, application_name, event }) => ({
    kind: kind_of_activity(backend_type, application_name),
    event,
  }));
}

function count(waits: NodeWaits, { kind, event }: Activity): void {
  const events = waits.seen.get(kind) ?? new Map<string, number>();
  events.set(event, (events.get(event) ?? 0) + 1);
  waits.seen.set(kind, events);
}
