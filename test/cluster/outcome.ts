// What a client knows of a transaction whose statement failed.
import type pg from 'pg';

export type Outcome = 'acknowledged' | 'refused' | 'unknown';

/** After these the transaction may be committed, and may not. */
export function outcome_is_open(error: unknown): boolean {
  const code = (error as pg.DatabaseError).code;
  // Not from a server: the connection broke. 57P0x: it was ended from there.
  return code === undefined || /^(08|57P01|57P02|ECONN|EPIPE)/.test(code);
}

export async function outcome_of(statement: Promise<unknown>): Promise<Outcome> {
  return statement.then(
    () => 'acknowledged',
    (error: unknown) => (outcome_is_open(error) ? 'unknown' : 'refused'),
  );
}
