// Databases that are not in UTF-8.
import { expect, test } from 'vitest';
import { connect } from './session.js';

async function database(encoding: string) {
  const admin = await connect();
  const name = `plv8_${encoding.toLowerCase()}`;
  await admin.rows(`DROP DATABASE IF EXISTS ${name}`);
  await admin.rows(
    `CREATE DATABASE ${name} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C'
     TEMPLATE template0`);
  const s = await connect({ database: name });
  await s.rows('CREATE EXTENSION plv8');
  await s.rows(`CREATE FUNCTION length_of(t text) RETURNS int LANGUAGE plv8 AS
    'return t.length'`);
  await s.rows(`CREATE FUNCTION one_char(code int) RETURNS text LANGUAGE plv8 AS
    'return String.fromCodePoint(code)'`);
  return s;
}

test('LATIN1: texts are converted both ways, in values, names and errors', async () => {
  const s = await database('LATIN1');
  expect(await s.value("SELECT length_of('häß')")).toBe(3);
  expect(await s.value('SELECT one_char(228)')).toBe('ä');
  expect(await s.value(`SELECT octet_length(one_char(228))`)).toBe(1);
  expect((await s.error('SELECT one_char(8364)')).code).toBe('22P05');
  await s.rows(`CREATE FUNCTION thrower() RETURNS void LANGUAGE plv8 AS
    $$throw new Error('ä')$$`);
  expect((await s.error('SELECT thrower()')).message).toBe('ä');
  await s.rows(`DO $$ const r = plv8.execute('SELECT 1 AS "ü"')[0];
    if (r['ü'] !== 1) throw new Error(Object.keys(r)[0]) $$ LANGUAGE plv8`);
});

test('SQL_ASCII: ASCII passes', async () => {
  const s = await database('SQL_ASCII');
  expect(await s.value("SELECT length_of('abc')")).toBe(3);
  expect(await s.value('SELECT one_char(65)')).toBe('A');
});
