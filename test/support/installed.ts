import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const IN_PACKAGE = 'node_modules/better-sqlite3/build/Release/better_sqlite3.node';
/** For the Node.js that runs the tests. */
const BINDING = join(ROOT, IN_PACKAGE);
const run = promisify(execFile);

/** Packs the built package as it would be published, into a new folder; `version` in place of its own. Returns the tarball. */
export async function packed(folder: string, version?: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
    maxBuffer: 1 << 26,
  });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  if (version === undefined) return join(folder, filename);
  await run('tar', ['-xzf', filename], { cwd: folder });
  const file = join(folder, 'package/package.json');
  await writeFile(file, JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), version }));
  await run('tar', ['-czf', 'other.tgz', 'package'], { cwd: folder });
  return join(folder, 'other.tgz');
}

/** `npm install --global` of a tarball below `prefix`, with its dependencies from npm's registry or cache. `binding` is the database's for the Node.js that is to run it. Returns the command. */
export async function installed(tarball: string, prefix: string, binding = BINDING): Promise<string> {
  await run('npm', ['install', '--global', '--prefix', prefix, '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', tarball]);
  // The one script that would have run compiles this for minutes, or downloads it; it was compiled before.
  await cp(binding, join(prefix, 'lib/node_modules/headgate', IN_PACKAGE));
  return join(prefix, 'bin/headgate');
}
