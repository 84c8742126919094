// One node: its control plane while it runs, its data plane, its disk.
import type { Control } from '../../ts-src/core/control.ts';
import type { DataPlane } from './data_plane.ts';
import type { Durable } from '../../ts-src/core/state.ts';
import type { Event } from '../../ts-src/core/event.ts';

export class Node {
  control: Control | null = null;
  disk: string | null = null;
  /** What was saved last in this life. */
  saved: Durable | null = null;
  server_up = false;
  paused_until_ms = 0;
  /** Until then its statements are answered, as long as its view says that it is online. */
  lease_end_ms = 0;
  /** Grows with every start of the control plane; what an older one planned is void. */
  life = 0;
  /** Of a node that joined: whose copy it began as. */
  source = 0;
  readonly inbox: Event[] = [];

  constructor(
    readonly id: number,
    readonly data: DataPlane,
    /** Jumps with every start. */
    public clock_offset_ms: number,
    /** Has it a data directory? */
    public exists: boolean,
  ) {}
}

/** In the middle of what a node does. */
export class Crash extends Error {}
