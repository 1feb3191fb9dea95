import type { Runtime } from '../rpc/client/index.ts';
import { wireError } from './errors.ts';
import type { InputStream } from './host.ts';

/** Everything that comes on standard input, as text. */
export async function readText(input: InputStream): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of input) pieces.push(Buffer.from(piece as Uint8Array));
  return Buffer.concat(pieces).toString('utf8');
}

/** Bytes of one `stream/input` call. */
const INPUT_BYTES = 256 * 1024;
const RETRY_MS = 100;

/**
 * Sends standard input to a command, in order, piece by piece as its pipe takes them, then end of file. Ends early when
 * the command has ended or reads no more, or `signal` is aborted. Rejects when the connection breaks.
 */
export async function forwardInput(
  input: InputStream,
  session: Runtime,
  to: { run: string; path: string },
  signal: AbortSignal,
): Promise<void> {
  for await (const piece of input) {
    const bytes = Buffer.from(piece as Uint8Array);
    for (let at = 0; at < bytes.length; at += INPUT_BYTES) {
      const chunk = bytes.subarray(at, at + INPUT_BYTES).toString('base64');
      if (!(await send(session, { ...to, chunk, encoding: 'base64' }, signal))) return;
    }
  }
  await send(session, { ...to, eof: true }, signal);
}

/** False when there is nobody to read more. */
async function send(
  session: Runtime,
  params: { run: string; path: string; chunk?: string; encoding?: 'base64'; eof?: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await session.call('stream/input', params, { signal });
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      const wire = wireError(error);
      if (wire?.name !== 'overloaded') {
        if (wire) return false;
        throw error;
      }
      const wait = typeof wire.data['retry_after_ms'] === 'number' ? wire.data['retry_after_ms'] : RETRY_MS;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  return false;
}
