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

/** What it says, in whichever form; not of several hosts. */
export function parse_conn_string(text: string): Record<string, string> {
  return /^postgres(ql)?:\/\//.test(text) ? parse_uri(text) : parse_pairs(text);
}

function parse_uri(text: string): Record<string, string> {
  const uri = URL.canParse(text) ? new URL(text) : null;
  if (uri === null) throw new Failure('bad_argument', 'the connection string is a URI that cannot be read');
  const { hostname, port, username, password, pathname } = uri;
  const parts = { host: hostname, port, user: username, password, dbname: pathname.slice(1) };
  const said = Object.entries(parts).filter(([, value]) => value !== '');
  const decoded = said.map(([name, value]) => [name, decodeURIComponent(value)] as const);
  return Object.fromEntries([...decoded, ...uri.searchParams]);
}

/** For a program's arguments, which everybody can see: its password goes by the environment. */
export function without_password(text: string): { conninfo: string; env: NodeJS.ProcessEnv } {
  const { password, ...rest } = parse_conn_string(text);
  return { conninfo: conn_string(rest), env: password === undefined ? {} : { PGPASSWORD: password } };
}

/** A value that is quoted may have anything in it. */
function parse_pairs(text: string): Record<string, string> {
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
