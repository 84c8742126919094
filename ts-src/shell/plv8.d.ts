// The part of plv8's API that this project uses, with the types it uses it by. It is
// the same in plv8 and in the handler in plv8/.

interface Plv8Plan {
  execute(parameters?: readonly unknown[]): Record<string, unknown>[];
  free(): void;
}

declare const plv8: {
  /** Rows of a query; of another command, the number of rows. */
  execute(sql: string, parameters?: readonly unknown[]): Record<string, unknown>[];
  prepare(sql: string, types?: readonly string[]): Plv8Plan;
  subtransaction(act: () => void): void;
  elog(level: number, ...message: unknown[]): void;
  quote_literal(text: string): string;
  find_function(name: string): (...args: unknown[]) => unknown;
};

declare const LOG: number;
declare const NOTICE: number;
declare const WARNING: number;
