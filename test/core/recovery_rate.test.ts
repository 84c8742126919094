// How long a node that reads a donor has still to read.
import { expect, test } from 'vitest';
import { time_left_ms, with_sample, type Sample } from '../../ts-src/core/recovery_rate.ts';

/** `lag_bytes(s)` at each quarter of a second, for so many seconds. */
function watched(seconds: number, lag_bytes: (s: number) => number): readonly Sample[] {
  let samples: readonly Sample[] = [];
  for (let now_ms = 0; now_ms <= seconds * 1000; now_ms += 250) {
    samples = with_sample(samples, { now_ms, lag_bytes: lag_bytes(now_ms / 1000) });
  }
  return samples;
}

test('is what is left at the rate at which it becomes less', () => {
  expect(time_left_ms(watched(5, (s) => 1000 - 100 * s))).toBe(5_000);
});

test('counts what the donor writes meanwhile', () => {
  const read = (s: number) => 100 * s;
  const written = (s: number) => 1000 + 50 * s;
  expect(time_left_ms(watched(10, (s) => written(s) - read(s)))).toBe(10_000);
});

test('is unknown at the beginning, and while it does not become less', () => {
  expect(time_left_ms([])).toBeNull();
  expect(time_left_ms(watched(1.75, (s) => 1000 - 100 * s))).toBeNull();
  expect(time_left_ms(watched(20, () => 1000))).toBeNull();
  expect(time_left_ms(watched(20, (s) => 1000 + s))).toBeNull();
});

test('goes by the last seconds', () => {
  // Fast at first, then at 10 bytes a second.
  const left = time_left_ms(watched(100, (s) => (s < 50 ? 100_000 - 1000 * s : 50_500 - 10 * s)));
  expect(left).toBe(4_950_000);
});

test('keeps few samples', () => {
  expect(watched(1000, (s) => s).length).toBeLessThanOrEqual(22);
});
