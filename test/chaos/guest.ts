// A node that joins in the middle of a round's faults, and leaves again when it was compared
// with the others. Numbers are not given twice, so the guests of a campaign are not without end.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalNodes } from '../cluster/local_nodes.ts';
import { allocate_ports, type PortRange } from '../cluster/port_range.ts';

const AGAIN_MS = 500;

export class Guests {
  private ports: PortRange | null = null;
  /** Fewer than there are numbers: an answer may be lost after one was given. */
  private left = 40;
  private joining: Promise<number> | null = null;
  private healed = true;

  constructor(private readonly nodes: LocalNodes) {}

  /** It goes on, again and again, until the round's faults are healed and it is there. */
  async begin(from: number): Promise<void> {
    if (from === 0 || this.left === 0) return;
    this.left--;
    this.healed = false;
    this.ports ??= await allocate_ports();
    const port = this.ports.first + (this.left % this.ports.size);
    this.joining = this.join(from, port);
    this.joining.catch(() => {});
  }

  /** Its number, once it is online; 0: there is none. The others are whole again. */
  async arrive(): Promise<number> {
    this.healed = true;
    return this.joining === null ? 0 : this.joining;
  }

  async leave(node: number): Promise<void> {
    this.joining = null;
    if (node === 0) return;
    const client = await this.nodes.client(1);
    // Also one whose number was given though the answer was lost.
    await client.query('SELECT mtm.drop_node(id) FROM mtm.cluster_nodes WHERE NOT dropped AND conninfo IS NOT NULL');
    for (let configured = ''; configured !== '{1,2,3}'; await sleep(AGAIN_MS)) {
      const { rows } = await client.query<{ text: string }>('SELECT gen_configured::text AS text FROM mtm.status()');
      configured = rows[0]?.text ?? '';
    }
    await client.end();
    await this.nodes.forget(node);
  }

  async end(): Promise<void> {
    await this.ports?.release();
  }

  private async join(from: number, port: number): Promise<number> {
    for (;;) {
      const was_healed = this.healed;
      try {
        return await this.nodes.join(from, port);
      } catch (error) {
        if (was_healed) throw error;
        await sleep(AGAIN_MS);
      }
    }
  }
}
