// The extension's script is put together from its parts and the bundle.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run_program } from '../../ts-src/cli/run_program.ts';

const BUILD = fileURLToPath(new URL('../../build/extension_sql.mjs', import.meta.url));
const BUNDLE = '(() => `$bundle$ and $$ and ${1}`)();\n';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'multimaster-sql-'));
  mkdirSync(join(dir, 'parts'));
  writeFileSync(join(dir, 'bundle.js'), BUNDLE);
  part('first.sql', 'CREATE FUNCTION a() RETURNS int LANGUAGE plv8 AS @BUNDLE@;');
  part('second.sql', 'SELECT a();');
  part('order.txt', '# the bundle first\nfirst.sql\n\nsecond.sql # then its use\n');
});
afterEach(() => rmSync(dir, { recursive: true }));

const part = (name: string, text: string) => writeFileSync(join(dir, 'parts', name), text);

const build = () =>
  run_program(process.execPath, [
    ...[BUILD, join(dir, 'parts'), join(dir, 'bundle.js'), join(dir, 'out.sql')],
  ]);

test('the parts follow each other in their order, the bundle in a quote of its own', async () => {
  expect(await build()).toMatchObject({ code: 0, stderr: '' });
  const sql = readFileSync(join(dir, 'out.sql'), 'utf8');
  const [, tag = ''] = /plv8 AS (\$bundle_[0-9a-f]+\$)\n/.exec(sql) ?? [];
  const [before = '', body, after] = sql.split(tag);
  expect(before).toMatch(/^-- Generated from .*do not edit/);
  expect(body?.trim()).toBe(BUNDLE.trim());
  expect(after?.trim()).toBe(';\n\n-- second.sql\nSELECT a();');
});

test.each([
  ['third.sql is not in order.txt', 'third.sql', ''],
  ['order.txt names gone.sql, which is not there', 'order.txt', 'first.sql\nsecond.sql\ngone.sql'],
  ['order.txt names first.sql twice', 'order.txt', 'first.sql\nsecond.sql\nfirst.sql'],
  ['no part has the placeholder @BUNDLE@', 'first.sql', 'SELECT 1;'],
])('refused: %s', async (complaint, name, text) => {
  part(name, text);
  const result = await build();
  expect(result.stderr).toContain(complaint);
  expect(result.code).toBe(1);
});
