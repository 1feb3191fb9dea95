import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HeadgateError } from '../../core/errors.ts';
import { shellQuote } from '../../core/shell-quote.ts';
import type { ProducerSpec } from '../../model/records.ts';
import type { VariantLaunch } from '../process/process-backend.ts';
import { ProducerFolder } from '../shim/producer-folder.ts';
import { scriptIn } from '../shim/script-file.ts';
import { PaneFolder } from './pane-folder.ts';
import { PANE_SH } from './pane-sh.ts';
import { PANE_FILE, PIPE_FILE, WATCH_FILE } from './pane-text.ts';
import { PIPE_SH } from './pipe-sh.ts';
import { type Tmux, tmuxQuote, unexpanded } from './tmux.ts';
import { WATCH_SH } from './watch-sh.ts';

/** How long tmux may take to start what it pipes a watched pane to (milliseconds). */
const CLAIM_MS = 5000;
const LOOK_MS = 2;
/** The session of commands that name none. */
export const DEFAULT_SESSION = 'headgate';

/** Throws `invalid_params` for what tmux would understand as something else. */
export function checkTmux({ tmux = {}, env }: ProducerSpec): void {
  if (/[.:]|^[=@$%{+-]/.test(tmux.session ?? '')) {
    throw invalid('tmux.session', 'the name of a session has no "." or ":", and does not begin with one of = @ $ % { + -');
  }
  if (tmux.socket?.includes('/') && !tmux.socket.startsWith('/')) throw invalid('tmux.socket', 'the path of a socket begins with "/"');
  if (/^[-=]/.test(tmux.pane ?? '')) throw invalid('tmux.pane', 'name a pane such as %3 or work:1.0');
  const odd = Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined) throw invalid('env', `a variable of a command in tmux has a name of letters, digits and "_": ${odd}`);
}

/** Runs the command in a window of its own; returns the pid of its shim. */
export async function launchInWindow(tmux: Tmux, { folder, spec, marker }: VariantLaunch): Promise<number> {
  const spool = dirname(folder);
  const { path } = await tmux.program();
  const pipe = scriptIn(spool, PIPE_FILE, PIPE_SH);
  const shim = scriptIn(spool, PANE_FILE, PANE_SH);
  paneFolder(folder).writeLaunch({ spec, marker, tmux: path, pipe });
  const { cols = 80, rows = 24 } = spec.tty ?? {};
  const session = spec.tmux?.session ?? DEFAULT_SESSION;
  return await tmux.window({ place: spec.tmux ?? {}, session, name: windowName(spec.command), cols, rows, shim, folder });
}

/**
 * Begins to watch a pane; returns the pid of what tmux pipes it to. History and pipe are one step of the tmux server, between
 * which nothing is read from the pane: no byte is in both or in neither. Throws `conflict` when the pane is piped already.
 */
export async function launchWatch(tmux: Tmux, { folder, spec }: VariantLaunch, target: string): Promise<number> {
  const { path } = await tmux.program();
  const place = spec.tmux ?? {};
  const { dead, ...pane } = await tmux.find(place, target);
  if (dead)
    throw new HeadgateError('not_found', `nothing runs in the tmux pane ${target} any more`, { outcome: 'pane_missing', pane: target });
  const script = scriptIn(dirname(folder), WATCH_FILE, WATCH_SH);
  paneFolder(folder).setPane(pane);
  const buffer = bufferOf(folder);
  const command = `${unexpanded(`exec /bin/sh ${[script, folder, path, pane.socket, buffer].map(shellQuote).join(' ')}`)} #{cursor_y} #{pane_height}`;
  const from = place.history === undefined ? '-' : place.history === 0 ? '0' : `-${place.history}`;
  const begin = [
    `capture-pane -t ${pane.id} -e -J -S ${from} -b ${buffer}`,
    `capture-pane -t ${pane.id} -P -b ${buffer}-rest`,
    `pipe-pane -O -t ${pane.id} ${tmuxQuote(command)}`,
  ].join(' ; ');
  // The buffers of a watch of this folder that another start has begun a moment ago are there until it has made its claim.
  const piped = "display-message -p piped ; list-buffers -F '#{buffer_name}'";
  const said = (await tmux.onPane(pane, ['if-shell', '-F', '-t', pane.id, '#{pane_pipe}', piped, begin])).split('\n');
  const pid = await claimedBy(folder, said.includes('piped') && !said.includes(buffer) ? 0 : CLAIM_MS);
  if (pid !== undefined) return pid;
  throw new HeadgateError(
    'conflict',
    `the output of the tmux pane ${target} goes to a pipe already, and tmux has one a pane; end that first (tmux pipe-pane -t ${pane.id})`,
    { outcome: 'pane_piped', pane: target },
  );
}

/** Name of the paste buffer by which bytes get in and out of the tmux server for a moment. */
export function bufferOf(folder: string): string {
  return `headgate-${basename(folder)}`;
}

function paneFolder(folder: string): PaneFolder {
  return new PaneFolder(new ProducerFolder(dirname(folder), basename(folder)));
}

async function claimedBy(path: string, patienceMs: number): Promise<number | undefined> {
  const folder = new ProducerFolder(dirname(path), basename(path));
  for (let left = patienceMs; ; left -= LOOK_MS) {
    const claim = folder.claim();
    if (claim.state === 'claimed') return claim.shim.pid;
    if (left <= 0) return undefined;
    await delay(LOOK_MS);
  }
}

/** The command's first word, of characters that mean nothing to tmux. */
export function windowName(command: string): string {
  const word = /[A-Za-z0-9_./+-]+/.exec(command)?.[0] ?? '';
  return (
    basename(word)
      .replace(/[^A-Za-z0-9_+-]/g, '')
      .replace(/^-+/, '')
      .slice(0, 20) || 'command'
  );
}

function invalid(field: string, message: string): HeadgateError {
  return new HeadgateError('invalid_params', message, { field });
}
