// One direction of one relayed connection: bytes, the end, or a reset of one side go
// to the other, later or not at all, as the rule of these two nodes has it.
import type { Socket } from 'node:net';

export interface FlowRule {
  /** drop: what comes is read and forgotten; reset: connections are broken. */
  cut: 'no' | 'drop' | 'reset';
  delay_ms: number;
  /** Bytes that a cut took so far. */
  dropped: number;
}

/** As setTimeout; tests hold the clock themselves. */
export type Later = (run: () => void, ms: number) => void;

type Event = { kind: 'bytes'; bytes: Buffer } | { kind: 'end' } | { kind: 'reset' };

interface Held {
  event: Event;
  ripe: boolean;
}

/** Of delayed bytes: what a long line may have under way. */
const MOST_HELD = 16 * 1024 * 1024;

export class Flow {
  /** Something was dropped: the connection can never be whole again. */
  lost = false;
  private held: Held[] = [];
  private held_bytes = 0;
  private sink_is_full = false;

  constructor(
    private readonly source: Socket,
    private readonly sink: Socket,
    private readonly rule: FlowRule,
    private readonly later: Later,
  ) {
    source.on('data', (bytes: Buffer) => this.take({ kind: 'bytes', bytes }));
    source.on('end', () => this.take({ kind: 'end' }));
    source.on('error', () => this.take({ kind: 'reset' }));
    sink.on('drain', () => {
      this.sink_is_full = false;
      this.regulate();
    });
    this.regulate();
  }

  /** The rule has changed: a cut takes what is under way, too. */
  obey(): void {
    if (this.rule.cut === 'no') return;
    for (const { event } of this.held) this.drop(event);
    this.held = [];
    this.held_bytes = 0;
    this.regulate();
  }

  private take(event: Event): void {
    if (this.rule.cut !== 'no') return this.drop(event);
    if (this.rule.delay_ms === 0 && this.held.length === 0) this.deliver(event);
    else this.hold(event);
    this.regulate();
  }

  private drop(event: Event): void {
    this.lost = true;
    this.rule.dropped += size_of(event);
  }

  private hold(event: Event): void {
    const held: Held = { event, ripe: false };
    this.held.push(held);
    this.held_bytes += size_of(event);
    this.later(() => {
      held.ripe = true;
      this.release();
    }, this.rule.delay_ms);
  }

  /** In the order in which they came, also when the delay got shorter meanwhile. */
  private release(): void {
    for (let [first] = this.held; first?.ripe; [first] = this.held) {
      this.held.shift();
      this.held_bytes -= size_of(first.event);
      this.deliver(first.event);
    }
    this.regulate();
  }

  private deliver(event: Event): void {
    if (this.sink.destroyed) return;
    if (event.kind === 'reset') this.sink.resetAndDestroy();
    else if (event.kind === 'end') this.sink.end();
    else if (!this.sink.write(event.bytes)) this.sink_is_full = true;
  }

  private regulate(): void {
    const full = this.sink_is_full || this.held_bytes > MOST_HELD;
    if (full && this.rule.cut === 'no') this.source.pause();
    else this.source.resume();
  }
}

function size_of(event: Event): number {
  return event.kind === 'bytes' ? event.bytes.length : 0;
}
