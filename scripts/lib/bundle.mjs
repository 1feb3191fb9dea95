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

/** Bundles one module; `to` is its file below the sources. */
async function bundled(name, module, to) {
  const bundle = await rolldown({
    input: { [name]: join(source, module) },
    platform: 'node',
    // Native modules and WebAssembly, which find their binary relative to themselves, and what loads them; the last four only when
    // they are needed.
    external: [/^node:/, 'better-sqlite3', 'dockerode', 'prom-client', 'ssh2', 'web-tree-sitter'],
  });
  await bundle.write({ dir: source, format: 'esm', entryFileNames: to, chunkFileNames: `${CHUNKS}/[name]-[hash].js` });
  await bundle.close();
}

await bundled('main', 'main.js', '[name].js');
// A thread of its own modules does without those of the command.
await bundled('judge-worker', 'policy/judge-worker.js', `${CHUNKS}/[name].js`);
await bundled('screen-worker', 'screen/screen-worker.mjs', `${CHUNKS}/[name].mjs`);
// A thread is started from a file beside the module that starts it.
for (const worker of [
  'store/checkpoint-worker.mjs',
  'runtime/loop/token-worker.mjs',
  'plugins/search/search-worker.mjs',
  'plugins/fetch/readable-worker.mjs',
])
  copyFileSync(join(source, worker), join(source, CHUNKS, basename(worker)));
