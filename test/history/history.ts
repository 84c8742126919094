// What clients did and were told, as plain data: all that the checker knows.

export type Isolation = 'read committed' | 'repeatable read';

export type Ask = 'applied' | 'causal reads';

/** Lists and registers are told apart by their names, as in "list 3" and "register 3". */
export type Key = string;
/** Written once only, under one key. */
export type Value = number;
/** A state of a key: the value written last; null: nobody has written it yet. */
export type Version = Value | null;

export type Operation =
  | { does: 'append'; key: Key; value: Value }
  /** `over`: what it replaced; absent where the answer was lost. */
  | { does: 'write'; key: Key; value: Value; over?: Version }
  | { does: 'read list'; key: Key; items: Value[] }
  /** A row of a register also tells what its value replaced. */
  | { does: 'read register'; key: Key; value: Version; over: Version };

export type Write = Extract<Operation, { does: 'append' | 'write' }>;
export type Read = Extract<Operation, { does: 'read list' | 'read register' }>;

/** A statement: at READ COMMITTED it has a snapshot of its own. Times are the client's. */
export interface Statement {
  began_ms: number;
  /** null: its answer was lost, and it may have ended later than the client gave it up. */
  ended_ms: number | null;
  operations: Operation[];
}

/** unknown: the client asked for the commit, and nobody told it what became of it. */
export type Outcome = 'committed' | 'aborted' | 'unknown';

export interface Transaction {
  /** Unique. */
  name: string;
  node: number;
  /** Of BEGIN, or of the statement alone. */
  began_ms: number;
  statements: Statement[];
  outcome: Outcome;
  /** When the client knew. */
  ended_ms: number;
  /** SQLSTATE, where it was not committed. */
  code?: string;
}

export interface History {
  isolation: Isolation;
  /** What its sessions asked for, beyond the default. */
  asks?: Ask;
  transactions: Transaction[];
  /** All keys on every node, when nothing was under way any more. */
  at_rest: { node: number; reads: Read[] }[];
}

export function is_write(operation: Operation): operation is Write {
  return operation.does === 'append' || operation.does === 'write';
}

export function is_read(operation: Operation): operation is Read {
  return !is_write(operation);
}

export function operations_of(transaction: Transaction): Operation[] {
  return transaction.statements.flatMap(({ operations }) => operations);
}

export function version_read(read: Read): Version {
  return read.does === 'read list' ? (read.items.at(-1) ?? null) : read.value;
}

/** All that a read shows of versions that were written. */
export function values_shown(read: Read): Value[] {
  if (read.does === 'read list') return read.items;
  return [read.over, read.value].filter((value) => value !== null);
}
