// Statements: prepared once a session, and kept. Integers beyond 2^53, LSNs and xids
// cross the border as text.

const plans = new Map<string, Plv8Plan>();

export type Row = Record<string, unknown>;

export function rows(sql: string, types: readonly string[] = [], values: readonly unknown[] = []) {
  let plan = plans.get(sql);
  if (plan === undefined) {
    plan = plv8.prepare(sql, types);
    plans.set(sql, plan);
  }
  return plan.execute(values);
}

/** The only row of a query that gives one. */
export function row(
  sql: string,
  types: readonly string[] = [],
  values: readonly unknown[] = [],
): Row {
  const all = rows(sql, types, values);
  if (all.length !== 1) throw new Error(`${all.length} rows instead of one from: ${sql}`);
  return all[0]!;
}

/** A number that may arrive as BigInt, as a string or as null. */
export function to_number(value: unknown): number {
  return value === null || value === undefined ? 0 : Number(value);
}
