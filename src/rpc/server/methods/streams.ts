import { isUtf8 } from 'node:buffer';
import { defined } from '../../../core/defined.ts';
import { HeadgateError, isHeadgateError } from '../../../core/errors.ts';
import { millisecondsOf } from '../../../core/measures.ts';
import { slices } from '../../../core/slice-turns.ts';
import { lifetimeText } from '../../../model/lifetime.ts';
import { type ProducerView, writtenSince } from '../../../stream/index.ts';
import { LIMITS } from '../../protocol/shapes.ts';
import type { ParsedParamsOf, ResultOf } from '../../protocol/table.ts';
import { exportPage } from '../export/page.ts';
import type { Call, Handlers } from '../handler.ts';
import { checkScreenRead, rowsOf, screenOf } from '../screens.ts';

type StreamMethod =
  | 'stream'
  | 'stream/completed'
  | 'stream/aborted'
  | 'stream/cancel'
  | 'stream/cancelAll'
  | 'stream/subscribe'
  | 'stream/unsubscribe'
  | 'stream/read'
  | 'stream/input'
  | 'stream/resize'
  | 'stream/signal'
  | 'stream/list'
  | 'stream/receipt'
  | 'stream/export';

/** Streaming (SPEC {#streaming}). */
export const streamHandlers: Handlers<StreamMethod> = {
  stream: async ({ run, path, channel, chunk, encoding, offset, epoch }, call) => {
    const bytes = decode(chunk, encoding);
    const stored = await call.parts.streams.append({ runId: runId(call, run), path, channel, bytes, offset, epoch });
    return { status: 'ok', offset: stored.offset, bytes: stored.bytes };
  },

  'stream/completed': ({ run, path, exit_code, signal, duration, epoch }, call) => ({
    ok: true,
    channels: [
      ...call.parts.streams.completed(
        runId(call, run),
        path,
        defined({ exitCode: exit_code, signal, durationMs: spanMs(duration), epoch }),
      ),
    ],
  }),

  'stream/aborted': ({ run, path, reason, duration, epoch }, call) => ({
    status: 'ok',
    channels: [
      ...call.parts.streams.aborted(runId(call, run), path, {
        reason: reason ?? null,
        by: call.caller().client,
        ...defined({ durationMs: spanMs(duration), epoch }),
      }),
    ],
  }),

  'stream/cancel': ({ run, path, reason, signal, grace_ms }, call) => {
    const id = runId(call, run);
    const { streams } = call.parts;
    const request = { by: call.caller().client, reason: reason ?? null, ...defined({ signal, graceMs: grace_ms }) };
    try {
      return { ok: true, channels: [...streams.cancel(id, path, request)] };
    } catch (error) {
      // What was asked for is so already.
      if (!isHeadgateError(error, 'stream_closed')) throw error;
      const { entry, channels } = streams.view(id, path);
      return { ok: true, channels: [...channels], terminal_status: entry.status };
    }
  },

  'stream/cancelAll': async ({ reason, grace_ms }, call) => {
    const ended = await call.parts.streams.endCommands({
      by: call.session.client,
      reason: reason ?? null,
      ...defined({ graceMs: grace_ms }),
    });
    return ended as ResultOf<'stream/cancelAll'>;
  },

  'stream/subscribe': (params, call) => {
    const { format } = params;
    call.session.requireNotifications();
    call.session.requireRoom('streams');
    if (format === 'screen') {
      throw new HeadgateError('unsupported', 'a subscription has bytes or text; take "screen" with stream/read', { field: 'format' });
    }
    if ((params.path === undefined) === (params.pattern === undefined)) {
      throw new HeadgateError('invalid_params', 'give either path, one log entry, or pattern, a glob over log entries', { field: 'path' });
    }
    if (params.carriage === 'raw' && format === 'text') {
      throw new HeadgateError('invalid_params', 'carriage "raw" carries the bytes as they are; leave format out, or take carriage "json"', {
        field: 'carriage',
      });
    }
    const { subscription, start, handleOf } = call.session.streams.subscribe({
      projectId: call.caller().project.id,
      runId: runId(call, params.run),
      run: params.run,
      path: params.path,
      pattern: params.pattern,
      channel: params.channel,
      from: params.from ?? 'start',
      format: format ?? 'raw',
      carriage: params.carriage ?? 'json',
      redact: call.redacts(params.redact),
    });
    call.afterAnswer(start);
    const channels = subscription.channels.map(({ log, ...channel }) => {
      const handle = handleOf(log);
      return handle === undefined ? channel : { ...channel, handle };
    });
    return { subscription: subscription.id, channels };
  },

  'stream/unsubscribe': ({ subscription }, { session }) => {
    session.streams.unsubscribe(subscription);
    return {};
  },

  'stream/read': async ({ format, cols, rows, replay, ...params }, call) => {
    const { run, path, channel, from, max_bytes, lines, match } = params;
    if (format === 'screen') return await readScreen({ ...params, cols, rows, replay }, call);
    if (cols !== undefined || rows !== undefined || replay !== undefined) {
      const field = replay === undefined ? 'cols' : 'replay';
      throw new HeadgateError('invalid_params', 'cols, rows and replay are those of a picture; take them with format "screen"', { field });
    }
    const redact = call.redacts(params.redact);
    const read = call.parts.streams.read({ runId: runId(call, run), path, channel, from, maxBytes: max_bytes, lines, match, redact });
    const text = isUtf8(read.data);
    return {
      path: read.path,
      channel: read.channel,
      from: read.from,
      to: read.to,
      bytes: read.bytes,
      lines: { ...read.lines },
      chunk: read.data.toString(text ? 'utf8' : 'base64'),
      encoding: text ? 'utf8' : 'base64',
      status: read.status,
      outcome: read.outcome,
      ...defined({ endOffset: read.end, end_offset: read.end }),
      ...(read.matches ? { matches: [...read.matches] } : {}),
    };
  },

  'stream/input': async ({ run, path, chunk, encoding, eof, secret, offset }, call) => {
    if (secret && offset !== undefined) {
      throw new HeadgateError(
        'invalid_params',
        'what is compared with a repeated chunk would say something of the secret; leave offset out',
        {
          field: 'offset',
        },
      );
    }
    const bytes = decode(chunk ?? '', encoding);
    return { ok: true, status: 'ok', ...(await call.parts.streams.input(runId(call, run), path, bytes, defined({ eof, secret, offset }))) };
  },

  'stream/resize': async ({ run, path, cols, rows }, call) => {
    await call.parts.streams.resize(runId(call, run), path, cols, rows);
    return { ok: true, status: 'ok' };
  },

  'stream/signal': async ({ run, path, signal }, call) => {
    await call.parts.streams.signal(runId(call, run), path, signal);
    return { ok: true, status: 'ok' };
  },

  'stream/list': async ({ run, path, state, limit = LIMITS.rows, offset = 0 }, call) => {
    if (path !== undefined && run === undefined) {
      throw new HeadgateError('invalid_params', 'a path is one of a run; name the run too', { field: 'run' });
    }
    const { streams, clock } = call.parts;
    const of = run === undefined ? { sight: call.caller().sight } : { runId: runId(call, run), path };
    const rows: ResultOf<'stream/list'> = [];
    const slice = slices.begin();
    for (const view of streams.listed({ ...of, state, limit, offset })) {
      rows.push(producerRow(view, clock.now()));
      if (slice.isOver) await slice.next();
    }
    return rows;
  },

  'stream/receipt': ({ run, path }, call) => {
    const { state, receipt } = call.parts.streams.receipt(runId(call, run), path);
    return { run, path, state, receipt: receipt as ResultOf<'stream/receipt'>['receipt'] };
  },

  'stream/export': async ({ run, path, format, channel, cursor, max_bytes, redact }, call) =>
    await exportPage({
      parts: call.parts,
      runId: runId(call, run),
      path,
      format,
      channel,
      cursor,
      maxBytes: max_bytes ?? LIMITS.exportBytes,
      redact: call.redacts(redact),
      signal: call.signal,
    }),
};

async function readScreen(params: ParsedParamsOf<'stream/read'>, call: Call): Promise<ResultOf<'stream/read'>> {
  const { run, path, channel, cols, rows, lines, replay = false } = params;
  checkScreenRead(params);
  const id = runId(call, run);
  const picture = await screenOf(call.parts.streams, {
    runId: id,
    path,
    channel,
    cols,
    rows,
    redact: call.redacts(params.redact),
    signal: call.signal,
    replay,
  });
  const head = call.parts.streams.read({ runId: id, path, channel, from: picture.to, maxBytes: 1 });
  const { text, ...shown } = rowsOf(picture, lines);
  const { cursor, alternate } = picture;
  return {
    path: head.path,
    channel,
    from: picture.from,
    to: picture.to,
    bytes: head.bytes,
    lines: shown,
    chunk: text,
    encoding: 'utf8',
    status: head.status,
    outcome: head.outcome,
    ...defined({ endOffset: head.end, end_offset: head.end }),
    screen: {
      cols: picture.cols,
      rows: picture.rows,
      cursor: { ...cursor },
      alternate,
      ...(replay ? { replay: picture.replay.toString('base64') } : {}),
    },
  };
}

function runId(call: Call, alias: string): number {
  return call.parts.runtime.requireRun(call.caller().sight, alias).id;
}

const REPLACEMENT = Buffer.from('\ufffd');
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The bytes of a chunk. Throws `invalid_params` for text that is not base64, `too_large` beyond the limit. */
function decode(chunk: string, encoding: 'utf8' | 'base64' | undefined): Buffer {
  if (encoding === 'base64' && (chunk.length % 4 !== 0 || !BASE64.test(chunk))) {
    throw new HeadgateError('invalid_params', 'chunk is not base64 with padding (RFC 4648 section 4)', { field: 'chunk' });
  }
  const bytes = Buffer.from(chunk, encoding ?? 'utf8');
  // A lone surrogate has no UTF-8; it would be stored as U+FFFD, which is not what was sent.
  if (encoding !== 'base64' && bytes.includes(REPLACEMENT) && /\p{Surrogate}/u.test(chunk)) {
    throw new HeadgateError(
      'invalid_params',
      'chunk holds half a character (a lone surrogate); cut text between characters or send bytes as base64',
      {
        field: 'chunk',
      },
    );
  }
  if (bytes.length > LIMITS.chunkBytes) {
    throw new HeadgateError('too_large', `chunk is ${bytes.length} bytes; send at most ${LIMITS.chunkBytes} at a time`, {
      field: 'chunk',
      limit: LIMITS.chunkBytes,
    });
  }
  return bytes;
}

function producerRow({ producer, entry, channels, waitsFor, waiting }: ProducerView, now: number): ResultOf<'stream/list'>[number] {
  const pid = producer.ref?.['pid'];
  return {
    run: producer.run,
    path: producer.path,
    command: producer.spec.command,
    backend: producer.backend,
    runner: producer.assigned?.runner ?? producer.runner,
    waitsFor,
    waits_for: waitsFor,
    waiting,
    state: producer.state,
    status: entry.status,
    outcome: entry.outcome,
    epoch: producer.epoch,
    pid: typeof pid === 'number' ? pid : null,
    stdin: producer.spec.stdin,
    tty: producer.spec.tty !== undefined || producer.backend === 'pty' || producer.backend === 'tmux',
    lifetime: lifetimeText(producer.spec.lifetime ?? 'forever'),
    channels: [...channels],
    exit_code: producer.exitCode,
    signal: producer.signal,
    startedAt: producer.startedAt,
    endedAt: producer.endedAt,
    lastOutputAt: producer.lastOutputAt,
    ageMs: Math.max(0, now - producer.createdAt),
    leftover: leftoverOf(producer, channels),
  };
}

function leftoverOf(
  { leftover }: ProducerView['producer'],
  channels: ProducerView['channels'],
): ResultOf<'stream/list'>[number]['leftover'] {
  if (!leftover) return null;
  const { since, pids, ends, limit, goneAt } = leftover;
  return { since, processes: [...pids], bytes: writtenSince(leftover, channels), ends: { ...ends }, limit, goneAt };
}

/** Milliseconds of a duration as a client says it. */
function spanMs(duration: number | string | undefined): number | undefined {
  return typeof duration === 'string' ? millisecondsOf(duration) : duration;
}
