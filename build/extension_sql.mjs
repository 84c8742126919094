// Writes the extension's script: the files of sql/parts/ in the order that
// sql/parts/order.txt declares, with the bundle in place of @BUNDLE@.
//   node build/extension_sql.mjs [PARTS_DIR [BUNDLE [OUTPUT]]]
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [
  parts_dir = 'sql/parts',
  bundle_file = 'out/bundle.js',
  output = 'out/multimaster--1.0.sql',
] = process.argv.slice(2);

const PLACEHOLDER = '@BUNDLE@';

function declared_order() {
  const lines = readFileSync(join(parts_dir, 'order.txt'), 'utf8').split('\n');
  return lines.map((line) => line.replace(/#.*/, '').trim()).filter((name) => name !== '');
}

/** Each part stands in the order exactly once, and each line of it is a part. */
function check_order(order) {
  const parts = readdirSync(parts_dir).filter((name) => name.endsWith('.sql'));
  const missing = parts.filter((name) => !order.includes(name));
  const unknown = order.filter((name) => !parts.includes(name));
  const twice = order.filter((name, index) => order.indexOf(name) !== index);
  const complaints = [
    ...missing.map((name) => `${name} is not in order.txt`),
    ...unknown.map((name) => `order.txt names ${name}, which is not there`),
    ...twice.map((name) => `order.txt names ${name} twice`),
  ];
  if (complaints.length > 0) throw new Error(`${parts_dir}: ${complaints.join('; ')}`);
}

function dollar_quoted(text) {
  const digest = createHash('sha256').update(text).digest('hex');
  const tag = `$bundle_${digest.slice(0, 16)}$`;
  if (text.includes(tag)) throw new Error('the bundle holds its own dollar quote');
  return `${tag}\n${text.trimEnd()}\n${tag}`;
}

function extension_sql() {
  const order = declared_order();
  check_order(order);
  const quoted = dollar_quoted(readFileSync(bundle_file, 'utf8'));
  const parts = order.map((name) => {
    const text = readFileSync(join(parts_dir, name), 'utf8').trim();
    return `-- ${name}\n${text.split(PLACEHOLDER).join(quoted)}\n`;
  });
  if (!parts.some((part) => part.includes(quoted))) {
    throw new Error(`no part has the placeholder ${PLACEHOLDER}`);
  }
  const header =
    '-- Generated from sql/parts/ and ts-src/ by build/extension_sql.mjs: do not edit.\n' +
    '\\echo Use "CREATE EXTENSION multimaster" to load this file. \\quit\n';
  return [header, ...parts].join('\n');
}

try {
  writeFileSync(output, extension_sql());
} catch (error) {
  console.error(`build/extension_sql.mjs: ${error.message}`);
  process.exit(1);
}
