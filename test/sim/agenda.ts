// The simulated time: what happens next, in order of time, then of arrival.

interface Entry {
  readonly at_ms: number;
  readonly order: number;
  readonly run: () => void;
}

export class Agenda {
  now_ms = 0;
  private readonly heap: Entry[] = [];
  private order = 0;

  after(delay_ms: number, run: () => void): void {
    const entry = { at_ms: this.now_ms + delay_ms, order: this.order++, run };
    const heap = this.heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!is_before(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  }

  /** Run all that happens until then, or until `stop` holds after something happened. */
  run_until(end_ms: number, stop: () => boolean = () => false): void {
    while (this.heap.length > 0 && this.heap[0]!.at_ms <= end_ms) {
      const entry = this.pop();
      this.now_ms = entry.at_ms;
      entry.run();
      if (stop()) return;
    }
    this.now_ms = end_ms;
  }

  private pop(): Entry {
    const heap = this.heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    heap[0] = last;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const less = right < heap.length && is_before(heap[right]!, heap[left]!) ? right : left;
      if (!is_before(heap[less]!, heap[i]!)) break;
      [heap[i], heap[less]] = [heap[less]!, heap[i]!];
      i = less;
    }
    return top;
  }
}

function is_before(a: Entry, b: Entry): boolean {
  return a.at_ms - b.at_ms < 0 || (a.at_ms === b.at_ms && a.order < b.order);
}
