import type { Params, WireClient } from '../../support/built-server.ts';
import type { Line } from './corpus.ts';
import { codeOf, type Outcome } from './outcome.ts';
import { argvOf } from './reference.ts';

/** Longest wait for the end of a line (milliseconds). */
const PATIENCE_MS = 30_000;

/** How `sh` is asked for a line: as a command line for its shell. */
export function asLine({ shell, text }: Line): Params {
  return { command: text, ...(shell === 'bash' ? { shell } : {}) };
}

/** How `sh` is asked for a line: as the words of its shell, which no other shell gets to see. */
export function asWords(line: Line): Params {
  return { command: argvOf(line) };
}

/** Runs through a server what the params of `sh` say, and reads its output as it comes. Throws when it does not end. */
export async function runUnderHeadgate(params: Params, client: WireClient): Promise<Outcome> {
  client.notices.length = 0;
  const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
  const { path } = await client.call<{ path: string }>('sh', { run, stdin: false, ...params });
  await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  const { subscription } = await client.call<{ subscription: number }>('stream/subscribe', { run, path });
  const told = client.notice('stream/ended', (end) => end['subscription'] === subscription);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`has not ended after ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    const end = (await Promise.race([told, late])) as { exit_code?: number; signal?: string; outcome: string | null };
    if (end.exit_code === undefined && end.signal === undefined) throw new Error(`ended without an exit code: ${end.outcome}`);
    return { stdout: client.received(path, 1), stderr: client.received(path, 2), code: codeOf(end.exit_code, end.signal) };
  } catch (error) {
    await client.call('stream/cancel', { run, path, grace_ms: 100 }).catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
