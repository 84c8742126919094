// Connection strings as libpq reads them: key=value pairs, quoted where needed.
import { Failure } from './failure.ts';

export type ConnParams = Record<string, string | number>;

export function conn_string(params: ConnParams): string {
  return Object.entries(params)
    .map(([key, value]) => `${key}=${quote_value(String(value))}`)
    .join(' ');
}

function quote_value(value: string): string {
  if (/^[^\s'\\,=]+$/.test(value)) return value;
  return `'${value.replace(/['\\]/g, '\\$&')}'`;
}

/** Of the key=value form; a value that is quoted may have anything in it. */
export function parse_conn_string(text: string): Record<string, string> {
  const pattern = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))/gy;
  const found: Record<string, string> = {};
  for (let match; (match = pattern.exec(text)) !== null; ) {
    found[match[1]!] = (match[2] ?? match[3] ?? '').replace(/\\(.)/g, '$1');
    if (text.slice(pattern.lastIndex).trim() === '') return found;
  }
  throw new Failure('bad_argument', 'the connection string must be like "host=... port=... dbname=..."');
}

/** multimaster.conn_strings separates the nodes by commas. */
export function join_conn_strings(strings: string[]): string {
  const comma = strings.find((text) => text.includes(','));
  if (comma !== undefined) {
    throw new Failure('bad_argument', `a connection string has a comma: ${comma}`);
  }
  return strings.join(', ');
}
