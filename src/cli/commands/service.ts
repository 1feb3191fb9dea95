import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isMissing, messageOf } from '../../core/errors.ts';
import type { Console } from '../console.ts';
import { CliError, usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost } from '../host.ts';
import { unitText } from '../service/unit.ts';
import { UNIT, unitFile } from '../service/unit-file.ts';
import { shellQuote } from '../text.ts';

/** There while systemd runs this machine. */
const BOOTED = '/run/systemd/system';

/** Options of every `headgate service` command. */
export interface ServiceOptions {
  /** A service of the user's own manager. */
  readonly user?: boolean;
}

/** Options of `headgate service install`. */
export interface InstallOptions extends ServiceOptions {
  readonly as?: string;
  readonly data?: string;
  readonly config?: string;
  readonly port?: number;
  readonly metrics?: 'token' | 'loopback' | true;
  readonly print?: boolean;
}

/** Writes the unit, and starts it where systemd runs (SPEC {#service}). Throws CliError for a system service without a user. */
export async function install(console: Console, host: CliHost, options: InstallOptions): Promise<number> {
  if (!options.user && !options.as) {
    throw usageError('a system service needs a user to run as', 'headgate service install --as USER, or --user for a service of your own');
  }
  const { port, metrics } = options;
  const text = unitText({
    words: [
      process.execPath,
      host.command,
      'serve',
      ...(port === undefined ? [] : ['--port', `${port}`]),
      ...(options.config === undefined ? [] : ['--config', resolve(options.config)]),
      ...(metrics === undefined ? [] : [`--metrics=${metrics === true ? 'token' : metrics}`]),
    ],
    user: options.user ? undefined : options.as,
    data: options.data === undefined ? undefined : resolve(options.data),
  });
  if (options.print) {
    await console.out.write(text);
    return EXIT.ok;
  }
  const file = unitFile(console, options);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o644 });
  } catch (error) {
    throw refused(`cannot write ${file}`, error, options);
  }
  await console.out.write(`wrote ${file}\n`);
  const begin = [...systemctl(options, 'daemon-reload'), '&&', ...systemctl(options, 'enable', '--now', UNIT)].join(' ');
  if (!existsSync(BOOTED)) {
    await console.err.write(`headgate: systemd does not run here, so nothing was started; where it runs: ${begin}\n`);
    return EXIT.ok;
  }
  const code = (await run(systemctl(options, 'daemon-reload'))) || (await run(systemctl(options, 'enable', '--now', UNIT)));
  if (code !== 0) return EXIT.failed;
  // Without it the manager of a user, and all that it has started, ends at the last logout.
  if (options.user) await console.err.write('headgate: run "loginctl enable-linger", so that it goes on when you log out\n');
  return EXIT.ok;
}

/** Stops the service and removes its unit; commands go on, and the data stay. */
export async function uninstall(console: Console, options: ServiceOptions): Promise<number> {
  const file = unitFile(console, options);
  if (!existsSync(file)) throw new CliError(`no service is installed: there is no ${file}`, EXIT.failed);
  if (existsSync(BOOTED)) await run(systemctl(options, 'disable', '--now', UNIT));
  try {
    rmSync(file);
  } catch (error) {
    throw refused(`cannot remove ${file}`, error, options);
  }
  if (existsSync(BOOTED)) await run(systemctl(options, 'daemon-reload'));
  await console.out.write(`removed ${file}; the data stay, and commands go on: headgate stop --kill ends them\n`);
  return EXIT.ok;
}

/** What systemd says of the service; exit code 0 when it runs. */
export async function status(console: Console, options: ServiceOptions): Promise<number> {
  const file = unitFile(console, options);
  if (!existsSync(file)) throw new CliError(`no service is installed: there is no ${file}`, EXIT.failed);
  if (existsSync(BOOTED)) return (await run(systemctl(options, 'status', '--no-pager', UNIT))) === 0 ? EXIT.ok : EXIT.failed;
  await console.out.write(`${file} is installed; systemd does not run here\n`);
  return EXIT.failed;
}

function systemctl({ user }: ServiceOptions, ...words: string[]): string[] {
  return ['systemctl', ...(user ? ['--user'] : []), ...words];
}

function refused(what: string, error: unknown, { user }: ServiceOptions): CliError {
  return new CliError(
    `${what}: ${messageOf(error)}`,
    EXIT.refused,
    user ? undefined : 'run it as root, or with --user for a service of your own',
  );
}

/** Runs a program with this terminal; its exit code. */
function run([program = '', ...words]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: 'inherit' });
    child.once('error', (error) => {
      reject(isMissing(error) ? new CliError(`there is no ${shellQuote(program)} here`, EXIT.failed) : error);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
}
