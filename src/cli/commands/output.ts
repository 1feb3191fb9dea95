import { AnsiStripper } from '../ansi-stripper.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { isWireError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { follow } from '../follow.ts';
import { Interrupts } from '../interrupts.ts';
import { LineLabels } from '../line-labels.ts';
import type { Session } from '../session.ts';

/** Options of `headgate output`. */
export interface OutputOptions extends ClientOptions {
  readonly channel: number;
  readonly all?: boolean;
  readonly live?: boolean;
  readonly from: number;
  readonly stripAnsi?: boolean;
}

const PAGE_BYTES = 1024 * 1024;

type Take = (channel: number, bytes: Buffer) => Promise<void>;

/**
 * Writes what a command has written, byte for byte, to standard output; with `live` until the command ends
 * (SPEC {#cli_output}). Memory stays bounded however slow the reader is.
 */
export async function output(console: Console, run: string, path: string, options: OutputOptions): Promise<number> {
  const session = await openSession(console, options, { resume: true });
  const interrupts = new Interrupts(() => interrupts.leave());
  const forget = console.out.onGone(() => interrupts.leave(EXIT.brokenPipe));
  const lost = new Promise<never>((_, reject) => session.onLost(reject));
  lost.catch(() => {});
  try {
    const channels = options.all ? await channelsOf(session, run, path) : [options.channel];
    const labels = options.all ? new LineLabels() : undefined;
    const take = writer(console, options, labels);
    const copy = async () => {
      if (options.live) {
        for (const channel of channels) await checkChannel(session, run, path, channel);
        const from = new Map(channels.map((channel) => [channel, options.from]));
        await follow(session, { run, path, channels: from, take, signal: interrupts.left });
      } else {
        for (const channel of channels) await copyStored(session, { run, path, channel, from: options.from }, take, interrupts.left);
      }
      if (labels) await console.out.write(labels.end());
      return EXIT.ok;
    };
    return await interrupts.orLeft(Promise.race([copy(), lost]));
  } finally {
    forget();
    interrupts.dispose();
    session.close();
  }
}

function writer(console: Console, options: OutputOptions, labels: LineLabels | undefined): Take {
  const strippers = new Map<number, AnsiStripper>();
  return async (channel, bytes) => {
    let shown = bytes;
    if (options.stripAnsi) {
      const stripper = strippers.get(channel) ?? new AnsiStripper();
      strippers.set(channel, stripper);
      shown = stripper.strip(bytes);
    }
    await console.out.write(labels ? labels.label(channel, shown) : shown);
  };
}

/** Refuses a channel that the producer does not have; of an entry without any, following says whether they can still come. */
async function checkChannel(session: Session, run: string, path: string, channel: number): Promise<void> {
  try {
    await session.look('stream/read', { run, path, channel, max_bytes: 1 });
  } catch (error) {
    if (!isWireError(error, 'stream_not_open')) throw error;
  }
}

async function channelsOf(session: Session, run: string, path: string): Promise<number[]> {
  const known = (await session.look('stream/list', { run })).find((one) => one.path === path);
  // Unknown ones are asked for all the same: the server's answer says what is wrong.
  return known ? known.channels.map(({ channel }) => channel) : [1, 2];
}

async function copyStored(
  session: Session,
  { run, path, channel, from }: { run: string; path: string; channel: number; from: number },
  take: Take,
  left: AbortSignal,
): Promise<void> {
  let at = from;
  while (!left.aborted) {
    const page = await session.look('stream/read', { run, path, channel, from: at, max_bytes: PAGE_BYTES });
    await take(channel, Buffer.from(page.chunk, page.encoding));
    if (page.to >= page.bytes || page.to === at) return;
    at = page.to;
  }
}
