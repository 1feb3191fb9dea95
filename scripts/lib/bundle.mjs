/**
 * Makes the command of a compiled tree load fast: DIST/src/main.js becomes a bundle of itself and of everything it imports,
 * in a few files instead of seven hundred. Everything else of the tree stays as it was compiled.
 *
 * `node scripts/lib/bundle.mjs DIST`
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const [dist] = process.argv.slice(2);
const source = join(dist, 'src');
/** Two folders down, as the modules are that find main.js relative to themselves. */
const CHUNKS = 'bundle/chunks';

const bundle = await rolldown({
  input: { main: join(source, 'main.js') },
  platform: 'node',
  // Native modules, which find their binaries relative to themselves.
  external: [/^node:/, 'better-sqlite3', 'ssh2'],
});
await bundle.write({
  dir: source,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: `${CHUNKS}/[name]-[hash].js`,
});
await bundle.close();
// The thread that checkpoints is started from a file beside the module that starts it.
copyFileSync(join(source, 'store/checkpoint-worker.mjs'), join(source, CHUNKS, 'checkpoint-worker.mjs'));
