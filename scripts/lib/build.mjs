import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { StepFailed } from './step-failed.mjs';

const STAMP = '.sources';
const SOURCES = [
  'src',
  'migrations',
  'web',
  'scripts/lib/bundle.mjs',
  'scripts/lib/client-package.mjs',
  'clients/typescript',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Builds when dist is missing or was made from other sources. Returns whether it had to. Throws StepFailed. */
export function buildIfStale(root, say) {
  const file = join(root, 'dist', STAMP);
  if (existsSync(file) && readFileSync(file, 'utf8') === sourcesOf(root)) return false;
  say(`headgate: building, ${existsSync(join(root, 'dist')) ? 'the sources have changed' : 'once'}`);
  build(root, { types: false });
  return true;
}

/**
 * Compiles src and migrations and bundles the portal; with `types` it refuses type errors, without it only compiles, which is faster: a run of
 * tests or of the demo need not wait for what `npm run check` looks at anyway. The compiler writes into a folder of its own that takes dist's place when all of it is
 * there, so nobody ever runs half a build and what was deleted from the sources is gone. Throws StepFailed.
 */
export function build(root, { types }) {
  const sources = sourcesOf(root);
  const folder = mkdtempSync(join(root, '.build-'));
  const fresh = join(folder, 'dist');
  const old = join(folder, 'old');
  const dist = join(root, 'dist');
  try {
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    run(root, [compiler, '-p', 'tsconfig.build.json', '--outDir', fresh, ...(types ? [] : ['--noCheck'])]);
    run(root, ['scripts/lib/client-package.mjs', fresh]);
    run(root, ['scripts/lib/bundle.mjs', fresh]);
    run(root, [join(root, 'node_modules/vite/bin/vite.js'), 'build', 'web', '--logLevel', 'warn', '--outDir', join(fresh, 'web')]);
    const main = join(fresh, 'src/main.js');
    if (existsSync(main)) chmodSync(main, 0o755);
    writeFileSync(join(fresh, STAMP), sources);
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a script of Node's to its end. Throws StepFailed with what it printed. */
function run(root, args) {
  // A test that builds has another NODE_ENV, and the portal would get the development half of its libraries.
  const env = { ...process.env, NODE_ENV: 'production' };
  const done = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env });
  if (done.status !== 0) throw new StepFailed(`the build failed\n${done.stdout}${done.stderr}`.trimEnd());
}

/** A digest of every source file's path, size and time of change. */
function sourcesOf(root) {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap((source) => filesUnder(join(root, source)))) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(root, file)} ${size} ${mtimeMs}\n`);
  }
  return `${hash.digest('hex')}\n`;
}

function filesUnder(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((item) => filesUnder(join(path, item.name)));
}
