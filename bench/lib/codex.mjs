import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const NAME = '@openai/codex';
const TESTED = new URL('../../test/support/codex/package.json', import.meta.url);
/** No account, and nothing that would look for one or for a newer version. */
const CONFIG = 'check_for_update_on_startup = false\n[analytics]\nenabled = false\n';
/** Nothing listens there: what Codex would fetch, it cannot. */
const NO_NETWORK = 'http://127.0.0.1:9';

/**
 * How to start `codex app-server`: its words, environment and folder. `from` is a folder with the package in its node_modules;
 * without it the version that the tests use is installed into a temporary folder.
 */
export function prepareCodex(scope, from) {
  const folder = from === undefined ? install(scope.folder()) : resolve(from);
  const main = join(folder, 'node_modules', NAME, 'bin', 'codex.js');
  if (!existsSync(main)) throw new Error(`there is no ${NAME} in ${join(folder, 'node_modules')}`);
  const home = scope.folder();
  writeFileSync(join(home, 'config.toml'), CONFIG);
  const env = { ...process.env, HOME: home, CODEX_HOME: home, HTTP_PROXY: NO_NETWORK, HTTPS_PROXY: NO_NETWORK, ALL_PROXY: NO_NETWORK };
  return { words: [process.execPath, main, 'app-server'], env, cwd: scope.folder() };
}

function install(folder) {
  const version = JSON.parse(readFileSync(TESTED, 'utf8')).dependencies[NAME];
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, `${NAME}@${version}`], { stdio: 'ignore' });
  return folder;
}
