import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { replaceFile } from '../../core/whole-file.ts';
import type { Console } from '../console.ts';
import { bringServer } from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { dataFolder } from '../locate.ts';
import { addressOf, type PortalOptions } from './portal.ts';

/** Programs that open a file as the desktop would, the first that is there. */
const OPENERS = ['xdg-open', 'wslview', 'open'] as const;

/**
 * `headgate open`: opens the portal in a browser (SPEC {#cli_portal}). The browser is given a file that only we can read and that sends it on,
 * since everybody on the machine can read a command line.
 */
export async function open(console: Console, options: PortalOptions): Promise<number> {
  await bringServer(console, options);
  const address = addressOf(console, options);
  const file = join(dataFolder(options.data, console.env), 'open.html');
  const target = JSON.stringify(address).replaceAll('<', '\\u003c');
  replaceFile(file, `<!doctype html><meta charset="utf-8"><title>Headgate</title><script>location.replace(${target})</script>\n`);
  const named = console.env['BROWSER'];
  for (const program of named ? [named] : OPENERS) if (await opens(program, file, console.env)) return EXIT.ok;
  throw new CliError('no browser could be opened', EXIT.failed, 'headgate portal prints the address; BROWSER names a browser');
}

/** Whether a program took the file; one that goes on is a browser. */
function opens(program: string, file: string, env: Console['env']): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, [file], { env: { ...env }, stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
    setTimeout(() => {
      child.unref();
      resolve(true);
    }, OPEN_MS).unref();
  });
}

/** How long a program may take to say that it cannot. */
const OPEN_MS = 1500;
