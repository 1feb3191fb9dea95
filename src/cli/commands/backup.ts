import { formatBytes } from '../../core/measures.ts';
import { visibleLine } from '../../core/visible-text.ts';
import type { Console } from '../console.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost } from '../host.ts';
import { Interrupts } from '../interrupts.ts';
import { dataFolder } from '../locate.ts';

/** `headgate backup FILE`: all that a data folder owns, as it is now, in one archive (SPEC {#backup}). */
export async function backup(
  console: Console,
  host: Pick<CliHost, 'backup'>,
  options: { readonly file: string; readonly data?: string; readonly json?: boolean },
): Promise<number> {
  const data = dataFolder(options.data, console.env);
  const made = await untilInterrupted((signal) => host.backup({ data, file: options.file, signal }));
  const line = `${visibleLine(made.of)} is backed up to ${visibleLine(made.file)}, ${formatBytes(made.bytes)}`;
  await console.out.write(options.json ? `${JSON.stringify(made)}\n` : `${line}\n`);
  return EXIT.ok;
}

/** `headgate restore FILE FOLDER`: the data of a backup in a folder of their own, for a server to start on (SPEC {#restore}). */
export async function restore(
  console: Console,
  host: Pick<CliHost, 'restore'>,
  options: { readonly file: string; readonly folder: string; readonly json?: boolean },
): Promise<number> {
  const restored = await untilInterrupted((signal) => host.restore({ file: options.file, folder: options.folder, signal }));
  const { of, at, folder } = restored;
  const line = `${visibleLine(folder)} has the data of ${visibleLine(of)} as they were at ${visibleLine(at)}; headgate doctor --data FOLDER checks them`;
  await console.out.write(options.json ? `${JSON.stringify(restored)}\n` : `${line}\n`);
  return EXIT.ok;
}

/** Ctrl-C aborts the work, which then leaves nothing behind. */
async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupts = new Interrupts(() => stop.abort(new CliError('interrupted; nothing was written', EXIT.interrupted)));
  try {
    return await work(stop.signal);
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    interrupts.dispose();
  }
}
