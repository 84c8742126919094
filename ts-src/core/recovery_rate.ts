// How long until a node that reads a donor has read all? By how fast what is left became
// less lately: the donor writes on meanwhile, and that is in it.

export interface Sample {
  readonly now_ms: number;
  readonly lag_bytes: number;
}

/** Looked back so far: a large transaction, applied in one piece, shall not fill it. */
const WINDOW_MS = 10_000;
const SAMPLE_MS = 500;
/** The least time to judge by. */
const LEAST_MS = 2_000;

export function with_sample(samples: readonly Sample[], next: Sample): readonly Sample[] {
  const last = samples.at(-1);
  if (last !== undefined && next.now_ms - last.now_ms < SAMPLE_MS) return samples;
  return [...samples.filter(({ now_ms }) => next.now_ms - now_ms <= WINDOW_MS), next];
}

/** null: not known yet, or what is left does not become less. */
export function time_left_ms(samples: readonly Sample[]): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return null;
  const passed_ms = last.now_ms - first.now_ms;
  const less = first.lag_bytes - last.lag_bytes;
  if (passed_ms < LEAST_MS || less <= 0) return null;
  return Math.round((last.lag_bytes * passed_ms) / less);
}
