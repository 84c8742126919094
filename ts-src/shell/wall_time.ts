// Wall clock times, as SQL reads them.

/** Null for a time that never was. */
export function time_of(wall_ms: number | null): string | null {
  return wall_ms === null || wall_ms === 0 ? null : new Date(wall_ms).toISOString();
}
