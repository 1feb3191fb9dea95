/**
 * Makes the command of a compiled tree load fast: DIST/src/main.js becomes a bundle of itself and of everything it imports,
 * in a few files instead of seven hundred. Everything else of the tree stays as it was compiled.
 *
 * `node scripts/lib/bundle.mjs DIST`
 */
import { copyFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';

const [dist] = process.argv.slice(2);
const source = join(dist, 'src');
/** Two folders down, as the modules are that find main.js relative to themselves. */
const CHUNKS = 'bundle/chunks';

const bundle = await rolldown({
  input: { main: join(source, 'main.js') },
  platform: 'node',
  // Native modules and WebAssembly, which find their binary relative to themselves, and what loads them; the last four only when
  // they are needed.
  external: [/^node:/, 'better-sqlite3', 'dockerode', 'prom-client', 'ssh2', 'web-tree-sitter'],
});
await bundle.write({
  dir: source,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: `${CHUNKS}/[name]-[hash].js`,
});
await bundle.close();
// A thread is started from a file beside the module that starts it.
for (const worker of [
  'store/checkpoint-worker.mjs',
  'runtime/loop/token-worker.mjs',
  'plugins/search/search-worker.mjs',
  'plugins/fetch/readable-worker.mjs',
])
  copyFileSync(join(source, worker), join(source, CHUNKS, basename(worker)));
