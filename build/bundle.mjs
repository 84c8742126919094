// Bundles TypeScript by esbuild:
//   node build/bundle.mjs server   ts-src/shell/bundle.ts -> out/bundle.js
//   node build/bundle.mjs cli      ts-src/cli/main.ts     -> out/cli.mjs
//   node build/bundle.mjs bench    test/bench/main.ts     -> out/bench.mjs
//   node build/bundle.mjs soak     test/sim/soak.ts       -> out/soak.mjs
//   node build/bundle.mjs big      test/bench/ten_million.ts -> out/big.mjs
//   node build/bundle.mjs chaos    test/chaos/main.ts     -> out/chaos.mjs
//   node build/bundle.mjs history  test/history/main.ts   -> out/history.mjs
//   node build/bundle.mjs regress  test/regress/main.ts   -> out/regress.mjs
import { build } from 'esbuild';

// CommonJS packages in an ESM bundle still ask for require().
const REQUIRE =
  "import { createRequire as create_require } from 'node:module'; " +
  'const require = create_require(import.meta.url);';

const for_node = {
  platform: 'node',
  format: 'esm',
  target: 'node18',
  banner: { js: REQUIRE },
  external: ['pg-native'],
};

const BUNDLES = {
  // Runs in plv8: nothing but ECMAScript 2022. Names stay, for readable stacks.
  server: {
    entryPoints: ['ts-src/shell/bundle.ts'],
    outfile: 'out/bundle.js',
    platform: 'neutral',
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    tsconfig: 'tsconfig.server.json',
  },
  cli: { ...for_node, entryPoints: ['ts-src/cli/main.ts'], outfile: 'out/cli.mjs' },
  bench: { ...for_node, entryPoints: ['test/bench/main.ts'], outfile: 'out/bench.mjs' },
  soak: { ...for_node, entryPoints: ['test/sim/soak.ts'], outfile: 'out/soak.mjs' },
  big: { ...for_node, entryPoints: ['test/bench/ten_million.ts'], outfile: 'out/big.mjs' },
  chaos: { ...for_node, entryPoints: ['test/chaos/main.ts'], outfile: 'out/chaos.mjs' },
  history: { ...for_node, entryPoints: ['test/history/main.ts'], outfile: 'out/history.mjs' },
  regress: { ...for_node, entryPoints: ['test/regress/main.ts'], outfile: 'out/regress.mjs' },
};

const wanted = BUNDLES[process.argv[2]];
if (wanted === undefined) {
  console.error(`usage: node build/bundle.mjs ${Object.keys(BUNDLES).join('|')}`);
  process.exit(2);
}
try {
  await build({ ...wanted, bundle: true, logLevel: 'warning' });
} catch {
  process.exit(1); // esbuild has said why.
}
