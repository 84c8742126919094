// What must not be: a name of the field's, and what makes it.
import type { Transaction } from './history.ts';

export type AnomalyName =
  | 'G0'
  | 'G1a'
  | 'G1b'
  | 'G1c'
  | 'G-single'
  | 'G-nonadjacent'
  | 'lost update'
  | 'non-repeatable read'
  | 'fractured read'
  | 'stale read'
  | 'real time'
  | 'internal'
  | 'dirty write'
  | 'duplicate'
  | 'incompatible order'
  | 'lost write'
  | 'never written'
  | 'nodes differ';

export interface Anomaly {
  name: AnomalyName;
  /** Line by line. */
  because: string[];
}

/** A transaction as the lines name it. */
export function named({ name, node, began_ms, outcome, ended_ms }: Transaction): string {
  const times = `${began_ms.toFixed(1)} to ${ended_ms.toFixed(1)} ms`;
  return `${name} (node ${node}, ${times}${outcome === 'committed' ? '' : `, ${outcome}`})`;
}
