import type { Readable } from 'node:stream';
import { defined } from '../../../core/defined.ts';
import { HeadgateError, messageOf } from '../../../core/errors.ts';
import { LineSplitter } from '../../../core/line-splitter.ts';
import type { ContainerPlace } from '../../../model/place.ts';
import { type Engine, isRefusal, isUnreachable } from '../engine/engine.ts';

/** Longest message of the engine about a pull, in bytes, and most lines that are told of one. */
const MAX_MESSAGE_BYTES = 64 * 1024;
const MAX_LINES = 2000;

/** Finds the image's id; undefined when the engine does not have it. */
export async function findImage(engine: Engine, image: string): Promise<string | undefined> {
  try {
    return (await engine.call((docker) => docker.getImage(image).inspect())).Id;
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

/** Whether the place asks for a pull, given what there is. Throws `not_found` with outcome `image_missing` when it may not. */
export function mustPull({ image = '', pull = 'missing' }: ContainerPlace, present: boolean): boolean {
  if (pull === 'always') return true;
  if (present) return false;
  if (pull === 'missing') return true;
  throw imageMissing(image, 'pull is never');
}

/**
 * Pulls an image; `tell` gets a line for each change of state of a layer, without the progress within it. Throws
 * `not_found` with outcome `image_missing` when no registry has it, `pull_failed` for everything else.
 */
export async function pullImage(engine: Engine, image: string, tell: (line: string) => void, signal: AbortSignal): Promise<void> {
  const states = new Map<string, string>();
  let failure: string | undefined;
  let lines = 0;
  const line = (bytes: Buffer) => {
    const { id = '', status, error } = messageIn(bytes);
    if (error !== undefined) failure = error;
    if (status === undefined || states.get(id) === status) return;
    states.set(id, status);
    if (++lines <= MAX_LINES) tell(id === '' ? status : `${id}: ${status}`);
  };
  try {
    const stream = (await engine.call((docker) => docker.pull(withTag(image), { abortSignal: signal }))) as Readable;
    // Ends the pull: the engine stops when the connection closes.
    const stop = () => stream.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const splitter = new LineSplitter({ maxBytes: MAX_MESSAGE_BYTES, line, tooLong: () => {} });
      for await (const chunk of stream as AsyncIterable<Buffer>) splitter.push(chunk);
      splitter.end();
    } finally {
      signal.removeEventListener('abort', stop);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (isUnreachable(error)) throw error;
    failure = messageOf(error);
    if (isRefusal(error, 404)) throw imageMissing(image, failure);
  }
  if (failure === undefined) return;
  if (/not found|does not exist|manifest unknown|denied|no such image/i.test(failure)) throw imageMissing(image, failure);
  throw new HeadgateError(
    'unsupported',
    `${image} cannot be pulled: ${failure}. Try again, or put it there with docker pull or docker load`,
    {
      outcome: 'pull_failed',
      image,
    },
  );
}

function imageMissing(image: string, why: string): HeadgateError {
  return new HeadgateError(
    'not_found',
    `there is no image ${image} (${why}); check its name, log in with docker login, or put it there with docker pull, build or load`,
    {
      outcome: 'image_missing',
      image,
    },
  );
}

/** Without a tag the engine would pull all of them. */
function withTag(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1);
  return name.includes(':') || image.includes('@') ? image : `${image}:latest`;
}

function messageIn(bytes: Buffer): { id?: string; status?: string; error?: string } {
  try {
    const message = JSON.parse(bytes.toString()) as Record<string, unknown>;
    const text = (value: unknown) => (typeof value === 'string' ? value.replace(/\s+/g, ' ') : undefined);
    const [id, status, error] = [text(message['id']), text(message['status']), text(message['error'])];
    return defined({ id, status, error });
  } catch {
    return {};
  }
}
