import { isEnd } from '../../../core/end-status.ts';
import { HeadgateError, isHeadgateError } from '../../../core/errors.ts';
import { MAX_CHANNEL, parseChannelPath, requireLogPath } from '../../../model/paths.ts';
import type { EventRecord } from '../../../model/records.ts';
import type { ChunkPiece, ClosedFact, EndedFact } from '../../../stream/index.ts';
import { encodedChunk, frameParts } from '../session/chunk-frame.ts';
import { type EventStream, sseFrame } from '../transports/event-stream.ts';
import { checkQuery, PROJECT_PARAMS, type SourceRequest, wholeNumber } from './request.ts';
import { deletedRun, failStream, guarded, presentAlias, type Source, type Subject } from './source.ts';

const frames = new WeakMap<ChunkPiece, readonly Buffer[]>();

/** Which bytes a stream begins with. */
export interface ChannelRequest {
  /** The log entry's path. */
  readonly path: string;
  readonly channel: number;
  readonly from: number | 'start' | 'live';
  /** The client has had everything, the end included. */
  readonly complete: boolean;
}

/** Set by the id of the `ended` event, so that a client which has had the end is told from one that has had the bytes. */
const ENDED_ID = /^(\d{1,15})-ended$/;

/**
 * What the request asks for, checked against what is there. Throws `invalid_params`, `not_found` for a run, path or
 * channel that is not there, `stream_not_open` for an entry that never had, and never will have, channels.
 */
export function channelRequest(subject: Subject, request: SourceRequest & { readonly path: string }): ChannelRequest {
  checkQuery(request.query, [...PROJECT_PARAMS, 'channel', 'from']);
  const { path, channel } = named(request);
  requireLogPath(path);
  const end = ENDED_ID.exec(request.lastId ?? '');
  const from = start(request, end?.[1]);
  const over = state(subject, path, channel) === 'ended';
  return { path, channel, from, complete: over && end !== null && from === lengthOf(subject, path, channel) };
}

/** A channel from an offset to its end (SPEC {#transport_sse}). Throws `offset_conflict` before anything is sent. */
export function openRunChannel(subject: Subject, request: ChannelRequest, open: () => EventStream): Source {
  const { parts, project, runId } = subject;
  const { path, channel, from } = request;
  let waits = state(subject, path, channel) === 'waits';
  // The subscription sends nothing on this tick, so the stream is there before the first piece.
  const sink = {
    bufferedBytes: () => stream.bufferedBytes(),
    chunk: (_: number, piece: Parameters<typeof channelFrames>[0]) => {
      for (const frame of channelFrames(piece)) stream.send(frame);
    },
    gap: (_: number, gap: { from: number; to: number }) => {
      stream.send(sseFrame('gap', JSON.stringify({ from: gap.from, to: gap.to }), String(gap.to)));
    },
    ended: (_: number, end: EndedFact) => {
      const bytes = end.channels.find((one) => one.channel === channel)?.bytes ?? 0;
      stream.send(sseFrame('ended', JSON.stringify(end), `${bytes}-ended`));
      stream.end();
    },
    closed: (_: number, fact: ClosedFact) => failStream(subject, stream, closedError(subject, fact)),
    failed: (error: unknown) => failStream(subject, stream, error),
  };
  const subscription = parts.streams.subscribe({ projectId: project.id, runId, path, channel, redact: subject.redact }, from, 0, sink);
  const stream = open();
  // A reader of what comes that is cut off before the first piece resumes here, and not at the tail of that moment.
  if (from === 'live') stream.send(`id: ${subscription.channels[0]?.offset ?? 0}\n\n`);
  const look = (event: EventRecord) => {
    if (waits && event.payload['path'] === path) waits = state(subject, path, channel) === 'waits';
  };
  return {
    sight: subject.sight,
    offer: (event) => guarded(subject, stream, () => look(event)),
    beat: () => guarded(subject, stream, () => void presentAlias(subject)),
    pump: () => subscription.pump(),
    close: () => subscription.close(),
  };
}

/** What a stream that can bring nothing more ends with (SPEC {#stream_closed}). */
function closedError(subject: Subject, { path, reason, status, outcome }: ClosedFact): HeadgateError {
  if (reason === 'run_deleted') return deletedRun(subject.alias);
  const how = `${status ?? ''}${outcome ? ` ${outcome}` : ''}`;
  return new HeadgateError('stream_not_open', `${path} ended with ${how} and was never started; it has no channels`, {
    path: path ?? null,
    entry_status: status ?? null,
  });
}

/** Path and channel: of a log entry with `channel` (1 by default), or of a channel's own path. */
function named({ path, query }: { path: string; query: URLSearchParams }): { path: string; channel: number } {
  const given = query.get('channel');
  const number = given === null ? undefined : wholeNumber(given, 'channel');
  if (number !== undefined && (number < 1 || number > MAX_CHANNEL)) {
    throw new HeadgateError('invalid_params', `channel ${number} does not exist: 1 is stdout, 2 stderr, ${MAX_CHANNEL} the last`, {
      field: 'channel',
    });
  }
  const own = parseChannelPath(path);
  if (!own) return { path, channel: number ?? 1 };
  if (number !== undefined && number !== own.channel) {
    throw new HeadgateError('invalid_params', `${path} is channel ${own.channel}, not ${number}; leave channel out`, { field: 'channel' });
  }
  return { path: `log://turn_${own.turn}/${own.action}/${own.slug}`, channel: own.channel };
}

function start({ query, lastId }: SourceRequest, ended: string | undefined): number | 'start' | 'live' {
  if (lastId !== undefined) return wholeNumber(ended ?? lastId, 'Last-Event-ID');
  const from = query.get('from') ?? 'start';
  return from === 'start' || from === 'live' ? from : wholeNumber(from, 'from');
}

/** The bytes that a channel has. */
function lengthOf({ parts, runId }: Subject, path: string, channel: number): number | undefined {
  return parts.streams.view(runId, path).channels.find((one) => one.channel === channel)?.bytes;
}

/** Whether the channel waits for its proposal's acceptance, is open, or has ended. Throws as `channelRequest` does. */
function state({ parts, runId }: Subject, path: string, channel: number): 'waits' | 'open' | 'ended' {
  try {
    const { entry, channels } = parts.streams.view(runId, path);
    if (channels.some((one) => one.channel === channel)) return isEnd(entry.status) ? 'ended' : 'open';
    throw new HeadgateError('not_found', `${path} has no channel ${channel}; it has ${channels.map((one) => one.channel).join(', ')}`, {
      path,
      channel,
    });
  } catch (error) {
    const status = isHeadgateError(error, 'stream_not_open') ? error.facts['entry_status'] : undefined;
    if (status !== 100 && status !== 202) throw error;
    return 'waits';
  }
}

/** A piece as `chunk` events, `id` the offset after it; built once for every stream that it goes to (SPEC {#transport_sse}). */
function channelFrames(piece: ChunkPiece): readonly Buffer[] {
  let known = frames.get(piece);
  if (!known) {
    known = frameParts(piece).map(encode);
    frames.set(piece, known);
  }
  return known;
}

function encode({ offset, bytes, at }: ChunkPiece): Buffer {
  const { chunk, encoding } = encodedChunk(bytes);
  return Buffer.concat([
    Buffer.from(`id: ${offset + bytes.length}\nevent: chunk\ndata: {"offset":${offset},"chunk":"`),
    chunk,
    Buffer.from(`","encoding":"${encoding}","at":${at}}\n\n`),
  ]);
}
