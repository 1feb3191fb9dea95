import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StepFailed } from './step-failed.mjs';

const STAMP = 'node_modules/.headgate-stamp';
const SHOWN_LINES = 30;
const NATIVE = 'better-sqlite3';

/**
 * Settings that npm hands to the scripts it runs and that would change what an `npm ci` inside such a script does.
 * Registry, proxy and certificate settings are not among them: they must reach it.
 */
const NPM_SETTINGS_OF_THE_CALLER =
  /^npm_(config_(dry_run|global|ignore_scripts|include|json|local_prefix|location|loglevel|omit|only|optional|package_lock|package_lock_only|prefix|production|save.*|script_shell|silent|workspaces?)|lifecycle_.*|package_.*|command)$/i;

/** Refuses a Node that is too old for the packages, before npm does so in many lines. Throws StepFailed. */
export function requireNode(root) {
  const { engines } = readJson(join(root, 'package.json'));
  const [major, minor] = engines.node.replace('>=', '').split('.').map(Number);
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  throw new StepFailed(`this is Node ${process.versions.node}; Headgate needs Node ${major}.${minor} or newer`);
}

/**
 * Installs the packages of package-lock.json when those in node_modules are not these, or were built for another Node.
 * Returns whether it had to. Throws StepFailed.
 */
export function installIfStale(root, say) {
  const wanted = stampOf(root);
  if (readText(join(root, STAMP)) === wanted) return false;
  if (packagesMatch(root)) {
    if (nativeError(root) !== undefined) rebuildNative(root, say);
    writeFileSync(join(root, STAMP), wanted);
    return false;
  }
  say(`headgate: installing packages (npm ci), ${existsSync(join(root, 'node_modules')) ? 'they differ from package-lock.json' : 'once'}`);
  const { status, output } = npm(root, ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  if (status !== 0) throw new StepFailed(`npm ci failed\n${beginning(output)}\n${adviceFor(output)}`);
  const error = nativeError(root);
  if (error !== undefined) throw new StepFailed(nativeAdvice(error));
  writeFileSync(join(root, STAMP), wanted);
  return true;
}

/** What an installation depends on: the lock file, and what native code is compiled for. */
function stampOf(root) {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return `${lock} abi${process.versions.modules} ${process.platform} ${process.arch}\n`;
}

/** True when every package of package-lock.json is there in its version; optional ones may be missing. */
function packagesMatch(root) {
  const installedFile = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const installed = readJson(installedFile).packages;
  return Object.entries(readJson(join(root, 'package-lock.json')).packages).every(([path, wanted]) => {
    if (path === '') return true;
    const have = installed[path];
    return have === undefined ? wanted.optional === true || wanted.peer === true : have.version === wanted.version;
  });
}

/** Why the database driver does not load; undefined when it does. */
function nativeError(root) {
  const probe = spawnSync(process.execPath, ['-e', `new (require('${NATIVE}'))(':memory:').close()`], { cwd: root, encoding: 'utf8' });
  if (probe.status === 0) return undefined;
  return /^\w*Error: .*/m.exec(probe.stderr)?.[0] ?? `the probe ended with ${probe.signal ?? probe.status}`;
}

function rebuildNative(root, say) {
  say(`headgate: building ${NATIVE} for Node ${process.versions.node}`);
  const { output } = npm(root, ['rebuild', NATIVE]);
  const error = nativeError(root);
  if (error !== undefined) throw new StepFailed(nativeAdvice(`${error}\n${beginning(output)}`));
}

function npm(root, args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NPM_SETTINGS_OF_THE_CALLER.test(name)));
  delete env['NODE_ENV']; // `production` would leave the compiler out.
  const script = process.env['npm_execpath'];
  const viaNode = script?.endsWith('npm-cli.js') === true;
  const done = spawnSync(viaNode ? process.execPath : 'npm', viaNode ? [script, ...args] : args, {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 << 20,
  });
  if (done.error?.code === 'ENOENT')
    throw new StepFailed('npm is not installed; it comes with Node from nodejs.org, on Debian with `apt-get install npm`');
  return { status: done.status, output: `${done.stdout ?? ''}${done.stderr ?? ''}`.trim() };
}

/** npm says what is wrong first and then, at length, how it is called. */
function beginning(output) {
  const lines = output.split('\n');
  return lines.length <= SHOWN_LINES ? output : [...lines.slice(0, SHOWN_LINES), `... ${lines.length - SHOWN_LINES} more lines`].join('\n');
}

function adviceFor(output) {
  if (/node-gyp|prebuild-install|gyp ERR/.test(output)) return nativeAdvice('its build is the step that failed');
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN/.test(output))
    return 'The package registry could not be reached; see `npm config get registry` and the proxy settings.';
  if (/EUSAGE|in sync/.test(output)) return 'package.json and package-lock.json disagree; run `npm install` and commit the lock file.';
  return 'Run `npm ci` to see it again.';
}

function nativeAdvice(error) {
  return `${NATIVE}, the SQLite driver, could not be built or loaded: ${error}
Its native part is compiled on this machine where no ready one fits; that needs Python 3, make and a C++ compiler.
  Debian, Ubuntu:  apt-get install -y python3 make g++
  Fedora:          dnf install -y python3 make gcc-c++
  macOS:           xcode-select --install
Also see that npm may run its install script (no \`ignore-scripts=true\` in an .npmrc). Then run \`npm ci\`.`;
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function readText(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
