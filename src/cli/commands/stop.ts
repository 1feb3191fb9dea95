import { systemCode } from '../../core/errors.ts';
import type { Console } from '../console.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliHost } from '../host.ts';
import { dataFolder, noServer } from '../locate.ts';

/** How long a server may take to stop in order. */
const STOP_MS = 30_000;

/** `headgate stop`: ends the server of a data folder and waits until it is gone (SPEC {#cli_stop}). */
export async function stop(
  console: Console,
  host: Pick<CliHost, 'stop'>,
  options: { readonly data?: string; readonly json?: boolean },
): Promise<number> {
  const data = dataFolder(options.data, console.env);
  const stopped = await host.stop({ data, timeoutMs: STOP_MS }).catch((error: unknown) => {
    if (systemCode(error) !== 'EPERM') throw error;
    throw new CliError(`the server on ${data} belongs to another user`, EXIT.refused, 'that user can stop it');
  });
  if (!stopped) throw noServer(data, options.data !== undefined);
  const { pid, ended } = stopped;
  if (!ended) {
    const hint = `kill ${pid} a second time stops it at once; commands go on all the same`;
    throw new CliError(`the server on ${data} is told to stop and has not ended after ${STOP_MS / 1000} s`, EXIT.failed, hint);
  }
  const text = `the server on ${data} has stopped (process ${pid}); its commands go on, and the next start takes them up\n`;
  await console.out.write(options.json ? `${JSON.stringify({ data, pid })}\n` : text);
  return EXIT.ok;
}
