// Connection strings, read back by libpq's own rules.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conn_string, join_conn_strings, parse_conn_string, without_password } from '../../ts-src/cli/conn_string.ts';

/** conninfo_parse() of libpq, without its errors. */
function parse(text: string): Record<string, string> {
  const params: Record<string, string> = {};
  const pair = /\s*(\w+)\s*=\s*(?:'((?:\\.|[^'\\])*)'|((?:\\.|[^\s\\])*))\s*/gsy;
  while (pair.lastIndex < text.length) {
    const found = pair.exec(text);
    if (found === null) throw new Error(`libpq would not read: ${text}`);
    const [, key = '', quoted, bare] = found;
    params[key] = (quoted ?? bare ?? '').replace(/\\(.)/gs, '$1');
  }
  return params;
}

test('plain values stay plain', () => {
  expect(conn_string({ dbname: 'app', port: 5501 })).toBe('dbname=app port=5501');
});

test('libpq reads back every value', () => {
  const params = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string());
  fc.assert(
    fc.property(params, (given) => {
      expect(parse(conn_string(given))).toEqual({ ...given });
    }),
  );
});

test('a comma would split the list of nodes', () => {
  expect(() => join_conn_strings(['host=a', 'host=b,c'])).toThrow(/has a comma/);
  expect(join_conn_strings(['host=a', 'host=b'])).toBe('host=a, host=b');
});

test('both forms of libpq are read', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string(), { minKeys: 1 }), (given) => {
      expect(parse_conn_string(conn_string(given))).toEqual({ ...given });
    }),
  );
  expect(parse_conn_string('postgresql://me:s%40cret@n1:5433/app?sslmode=require')).toEqual({
    ...{ host: 'n1', port: '5433', user: 'me', password: 's@cret', dbname: 'app', sslmode: 'require' },
  });
});

test('a password is no argument of a program', () => {
  const { conninfo, env } = without_password("host=n1 password='a b' user=me");
  expect(parse_conn_string(conninfo)).toEqual({ host: 'n1', user: 'me' });
  expect(env).toEqual({ PGPASSWORD: 'a b' });
});
