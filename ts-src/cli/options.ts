// Command-line values: what each may be, said in one sentence where it is not.
import { InvalidArgumentError } from 'commander';
import type { Settings } from './node_config.ts';

export interface DirOption {
  dir: string;
}

function integer(text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
}

const MOST_NODES = 16;
const HIGHEST_NODE = 32;

export const parse_node_count = (text: string) => integer(text, 1, MOST_NODES);
export const parse_node_id = (text: string) => integer(text, 1, HIGHEST_NODE);
export const parse_port = (text: string) => integer(text, 1024, 65535);

export function parse_db(text: string): string {
  const reserved = ['postgres', 'template0', 'template1'];
  if (/^[\w-]{1,63}$/.test(text) && !reserved.includes(text)) return text;
  throw new InvalidArgumentError(
    'It must be the name of a new database: letters, digits, "_" and "-".',
  );
}

const MOST_DELAY_MS = 600_000;

/** `50ms` or `2s`. */
export function parse_delay(text: string): number {
  const [, number, unit] = /^(\d+)(ms|s)$/.exec(text) ?? [];
  const ms = Number(number) * (unit === 's' ? 1_000 : 1);
  if (ms >= 0 && ms <= MOST_DELAY_MS) return ms;
  throw new InvalidArgumentError('It must be a time like 50ms or 2s, up to 600s.');
}

/** Collects groups of nodes: `1,2 3`. */
export function parse_group(text: string, previous: number[][] = []): number[][] {
  return [...previous, text.split(',').map(parse_node_id)];
}

/** Collects repeated `--set name=value`. */
export function parse_setting(text: string, previous: Settings = {}): Settings {
  const [, name, value] = /^([\w.]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be name=value.');
  }
  return { ...previous, [name]: value };
}
