/**
 * Makes the package `@headgate/client` of a compiled tree: what its manifest exports, all that these modules import, and their types.
 *
 * `node scripts/lib/client-package.mjs DIST`, in the root of the repository
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

const [dist] = process.argv.slice(2);
const root = process.cwd();
const folder = join(dist, 'client-package');
const manifest = readJson(join(root, 'clients/typescript/package.json'));
const { version, engines, dependencies } = readJson(join(root, 'package.json'));

const files = new Set();
const packages = new Set();
for (const { types, default: code } of Object.values(manifest.exports).filter((entry) => typeof entry === 'object')) {
  take(join(dist, code));
  take(join(dist, types));
}

for (const file of files) {
  const target = join(folder, relative(dist, file));
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(file, target);
}
for (const [from, name] of [
  ['clients/typescript/README.md', 'README.md'],
  ['LICENSE', 'LICENSE'],
])
  cpSync(join(root, from), join(folder, name));
const needed = Object.fromEntries([...packages].sort().map((name) => [name, dependencies[name]]));
writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...manifest, version, engines, dependencies: needed }, null, 2)}\n`);

/** Takes a module or its types, and what that imports. */
function take(file) {
  if (files.has(file)) return;
  files.add(file);
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles) {
    if (fileName.startsWith('.')) take(resolved(file, fileName));
    else if (!isBuiltin(fileName)) packages.add(fileName);
  }
}

/** Declarations name the module, by its source or by what is made of it; beside it stand its types. */
function resolved(from, name) {
  const file = join(dirname(from), name);
  const found = from.endsWith('.d.ts') ? file.replace(/\.[jt]s$/, '.d.ts') : file;
  if (!existsSync(found)) throw new Error(`${from} imports ${name}, which is not there`);
  return found;
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
