// The few numbers that a series of measurements is described by.

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  if (!Number.isInteger(middle)) return upper;
  return ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** The nearest-rank percentiles: values that were really seen. */
export function percentiles(values: number[], ranks: number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return ranks.map((rank) => {
    const index = Math.ceil((rank / 100) * sorted.length) - 1;
    return sorted[Math.max(0, index)] ?? NaN;
  });
}
