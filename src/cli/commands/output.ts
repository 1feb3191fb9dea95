import type { Runtime } from '../../rpc/client/index.ts';
import { AnsiStripper } from '../ansi-stripper.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { isWireError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { follow } from '../follow.ts';
import { Interrupts } from '../interrupts.ts';
import { LineLabels } from '../line-labels.ts';
import { pathOf } from '../short-path.ts';
import { checkLines, matches, partOf, storedBytes } from './output-part.ts';

/** Options of `headgate output`. */
export interface OutputOptions extends ClientOptions {
  readonly channel: number;
  readonly all?: boolean;
  readonly live?: boolean;
  readonly from: number;
  /** First line; negative counts from the end. */
  readonly line?: number;
  /** Lines at most. */
  readonly limit?: number;
  /** Regular expression: only lines that match, with their numbers. */
  readonly match?: string;
  readonly stripAnsi?: boolean;
  readonly redact?: boolean;
}

type Take = (channel: number, bytes: Buffer) => Promise<void>;

/**
 * Writes what a command has written, byte for byte, to standard output; with `live` until the command ends
 * (SPEC {#cli_output}). Memory stays bounded however slow the reader is.
 */
export async function output(console: Console, run: string, given: string, options: OutputOptions): Promise<number> {
  checkLines(options);
  const session = await openSession(console, options, { resume: true });
  const interrupts = new Interrupts(() => interrupts.leave());
  const forget = console.out.onGone(() => interrupts.leave(EXIT.brokenPipe));
  try {
    const path = await pathOf(session, run, given);
    const channels = options.all ? await channelsOf(session, run, path) : [options.channel];
    const labels = options.all ? new LineLabels() : undefined;
    const take = writer(console, options, labels);
    const copy = async () => {
      if (options.live) {
        for (const channel of channels) await checkChannel(session, run, path, channel);
        const from = new Map<number, number>();
        for (const channel of channels) from.set(channel, (await partOf(session, { run, path, channel }, options)).from);
        await follow(session, { run, path, channels: from, take, signal: interrupts.left, ...redacted(options) });
      } else {
        for (const channel of channels) {
          const place = { run, path, channel, ...redacted(options) };
          const part = await partOf(session, place, options);
          let found = false;
          const copied = options.match === undefined ? storedBytes(session, place, part) : matches(session, place, part, options.match);
          for await (const bytes of copied) {
            if (interrupts.left.aborted) break;
            found ||= bytes.length > 0;
            await take(channel, bytes);
          }
          if (!found) await tellNothing(console, session, place, options);
          else await tellEnd(console, session, place, part);
        }
      }
      if (labels) await console.out.write(labels.end());
      return EXIT.ok;
    };
    return await interrupts.orLeft(copy());
  } finally {
    forget();
    interrupts.dispose();
    await session.close();
  }
}

/** Lines that were asked for and are not there: silence could also mean an empty line. */
async function tellNothing(
  console: Console,
  session: Runtime,
  place: { run: string; path: string; channel: number },
  options: OutputOptions,
) {
  if (options.all || (options.match === undefined && options.line === undefined)) return;
  const { lines } = await session.look('stream/read', { ...place, max_bytes: 1 });
  const what = options.match === undefined ? 'has no such line' : 'has no line that matches';
  await console.err.write(
    `headgate: channel ${place.channel} ${what}; it has ${lines.total} lines, and headgate ps --all says which channels there are\n`,
  );
}

/** Bytes that were written after the end of their command look like its own. */
async function tellEnd(console: Console, session: Runtime, place: { run: string; path: string; channel: number }, part: { to?: number }) {
  const { endOffset: end, bytes } = await session.look('stream/read', { ...place, max_bytes: 1 });
  if (end === undefined || end >= Math.min(bytes, part.to ?? bytes)) return;
  await console.err.write(
    `headgate: channel ${place.channel}: what lies behind byte ${end} was written after the end of the command, by processes that it left running\n`,
  );
}

function redacted({ redact }: OutputOptions): { redact?: true } {
  return redact ? { redact } : {};
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
async function checkChannel(session: Runtime, run: string, path: string, channel: number): Promise<void> {
  try {
    await session.look('stream/read', { run, path, channel, max_bytes: 1 });
  } catch (error) {
    if (!isWireError(error, 'stream_not_open')) throw error;
  }
}

async function channelsOf(session: Runtime, run: string, path: string): Promise<number[]> {
  const [known] = await session.look('stream/list', { run, path });
  // Unknown ones are asked for all the same: the server's answer says what is wrong.
  return known ? known.channels.map(({ channel }) => channel) : [1, 2];
}
