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

/** multimaster.conn_strings separates the nodes by commas. */
export function join_conn_strings(strings: string[]): string {
  const comma = strings.find((text) => text.includes(','));
  if (comma !== undefined) {
    throw new Failure('bad_argument', `a connection string has a comma: ${comma}`);
  }
  return strings.join(', ');
}
