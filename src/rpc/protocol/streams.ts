import { z } from 'zod';
import { DURATION_TEXT } from '../../core/measures.ts';
import { EXPORT_FORMATS } from './export-formats.ts';
import { method } from './method.ts';
import {
  byteOffset,
  channel,
  channelInfo,
  channels,
  chunk,
  encoding,
  epoch,
  formerly,
  LIMITS,
  path,
  producer,
  reason,
  receipt,
  redact,
  rowOffset,
  rows,
  run,
  signal,
  status,
} from './shapes.ts';

const ended = z.strictObject({ ok: z.literal(true), channels });
const endOffsets = z.record(z.string(), z.int()).optional();
const duration = z
  .union([z.number().min(0), z.string().regex(DURATION_TEXT, 'must be milliseconds, or a text with a unit such as 1.2s')])
  .optional()
  .describe('Milliseconds, or a text with a unit: `500ms`, `1.2s`, `5m`.');
/** `status` is the receipt of before, until the next version of the protocol (SPEC {#wire_names}). */
const done = z.strictObject({ ok: z.literal(true), status: z.literal('ok') });

/** Streaming; `path` is always the log entry's, the server derives the channels (SPEC {#streaming}). */
export const streamMethods = {
  stream: method({
    params: z.strictObject({
      run,
      path,
      channel,
      chunk,
      encoding: encoding.optional(),
      offset: byteOffset.optional(),
      epoch: epoch.optional(),
    }),
    result: z.strictObject({ status: z.literal('ok'), offset: z.int(), bytes: z.int() }),
    init: true,
    scope: 'run',
    summary:
      "Appends to a channel; returns once the chunk is stored: `offset` where the chunk begins, `bytes` the channel's length after it.",
  }),
  'stream/completed': method({
    params: z.strictObject({
      run,
      path,
      exit_code: z.int().min(0).max(255).optional(),
      signal: signal.optional(),
      duration,
      epoch: epoch.optional(),
    }),
    result: ended,
    init: true,
    scope: 'run',
    summary: 'The producer ended: every channel 200 (exit 0 or none) or 500, the log entry says how.',
  }),
  'stream/aborted': method({
    params: z.strictObject({ run, path, reason: reason.optional(), duration, epoch: epoch.optional() }),
    result: z.strictObject({ status: z.literal('ok'), channels }),
    init: true,
    scope: 'run',
    summary: 'The client killed it: channels 499, what was streamed stays.',
  }),
  'stream/cancel': method({
    params: z.strictObject({
      run,
      path,
      reason: reason.optional(),
      signal: signal.optional(),
      grace_ms: z.int().min(0).max(600_000).optional(),
    }),
    result: ended.extend({ terminal_status: status.optional().describe('It had ended before, with this status; nothing was done.') }),
    init: true,
    scope: 'run',
    summary:
      'Any client: channels 499 at once, everyone is told, the runner kills the tree and writes the receipt. Of a command that has ended: what runs on of it.',
  }),
  'stream/cancelAll': method({
    params: z.strictObject({ reason: reason.optional(), grace_ms: z.int().min(0).max(600_000).optional() }),
    result: z.array(
      z.strictObject({ run: z.string(), path: z.string(), command: z.string(), state: z.string(), receipt: receipt.nullable() }),
    ),
    init: false,
    scope: 'admin',
    summary: 'Cancels every live command of every project, and returns the receipts.',
  }),
  'stream/subscribe': method({
    params: z.strictObject({
      run,
      path: path.optional(),
      pattern: z.string().min(1).max(512).optional().describe("A glob over log entries' paths; new producers join."),
      channel: channel.optional(),
      from: z
        .union([byteOffset, z.literal('start'), z.literal('live')])
        .optional()
        .describe('Default start.'),
      format: z.enum(['raw', 'text', 'screen']).optional(),
      carriage: z.enum(['json', 'raw']).optional().describe('`raw`: chunks as binary messages. Default json.'),
      redact: redact.optional(),
    }),
    result: z.strictObject({
      subscription: z.int(),
      channels: z.array(
        channelInfo.extend({ offset: z.int(), handle: z.int().optional().describe('With `carriage: "raw"`: of its frames.') }),
      ),
    }),
    init: true,
    scope: 'read',
    summary: '`stream/chunk` from the cursor on, no gap, no duplicate, then `stream/ended`.',
  }),
  'stream/unsubscribe': method({
    params: z.strictObject({ subscription: z.int() }),
    result: z.strictObject({}),
    init: true,
    scope: 'read',
    summary: 'Ends a stream subscription.',
  }),
  'stream/read': method({
    params: z.strictObject({
      run,
      path,
      channel,
      from: byteOffset.optional(),
      max_bytes: z.int().min(1).max(LIMITS.readBytes).optional(),
      lines: z
        .union([
          z.strictObject({ first: z.int().min(1), count: z.int().min(1).max(100_000) }),
          z.strictObject({ last: z.int().min(1).max(100_000) }),
        ])
        .optional(),
      match: z.string().min(1).max(512).optional().describe('A regular expression; lines that match, with their numbers.'),
      format: z.enum(['raw', 'screen']).optional().describe('`screen`: the rows that a terminal shows; `lines` are of those.'),
      cols: z.int().min(1).max(1000).optional().describe("With `screen`: of the terminal. Default: the command's own."),
      rows: z.int().min(1).max(1000).optional(),
      replay: z.boolean().optional().describe('With `screen`: also the bytes that draw it.'),
      redact: redact.optional(),
    }),
    result: z.strictObject({
      path: z.string(),
      channel: z.int(),
      from: z.int(),
      to: z.int(),
      bytes: z.int(),
      lines: z.strictObject({ first: z.int(), last: z.int(), total: z.int() }),
      chunk: z.string(),
      encoding,
      status,
      outcome: z.string().nullable(),
      endOffset: z.int().optional().describe('Where the command ended, if processes of it ran on: what lies behind was written since.'),
      end_offset: z.int().optional().describe(formerly('endOffset')),
      matches: z.array(z.strictObject({ line: z.int(), offset: z.int(), text: z.string() })).optional(),
      screen: z
        .strictObject({
          cols: z.int(),
          rows: z.int(),
          cursor: z.strictObject({ col: z.int(), row: z.int() }),
          alternate: z.boolean(),
          replay: z.string().optional().describe('Base64.'),
        })
        .optional(),
    }),
    init: true,
    scope: 'read',
    summary: 'A byte range, a line range, a tail, or a search of one channel.',
  }),
  'stream/input': method({
    params: z.strictObject({
      run,
      path,
      chunk: chunk.optional(),
      encoding: encoding.optional(),
      eof: z.boolean().optional(),
      secret: z.boolean().optional().describe('Such as a password: refused where the terminal would echo it.'),
      offset: byteOffset.optional().describe('Where the chunk begins in the input, so that it can be sent again when the answer was lost.'),
    }),
    result: done.extend({
      offset: z.int().optional().describe('Where the chunk begins in the input; left out where that is not known.'),
      bytes: z.int().describe('How many bytes of the chunk were taken, by an earlier call as well.'),
    }),
    init: true,
    scope: 'run',
    summary: "To the producer's stdin; `eof` closes it. A chunk with an `offset` is taken once, however often it is sent.",
  }),
  'stream/resize': method({
    params: z.strictObject({ run, path, cols: z.int().min(1).max(1000), rows: z.int().min(1).max(1000) }),
    result: done,
    init: true,
    scope: 'run',
    summary: "Resizes the producer's terminal; `unsupported` where it has none.",
  }),
  'stream/signal': method({
    params: z.strictObject({ run, path, signal }),
    result: done,
    init: true,
    scope: 'run',
    summary: 'Sends a signal to one command, or to what runs on of it; the run goes on.',
  }),
  'stream/list': method({
    params: z.strictObject({
      run: run.optional(),
      path: path.optional().describe('Of one log entry, or of one of its channels; with `run`.'),
      state: z.string().min(1).max(32).optional(),
      limit: rows.optional(),
      offset: rowOffset.optional(),
      redact: redact.optional(),
    }),
    result: z.array(producer),
    init: true,
    scope: 'read',
    summary:
      'Producers, newest first: backend, runner, state, sizes, age, last output; `state` may be `live`, `leftover` (ended, and processes of it run on) or `open` (both).',
  }),
  'stream/receipt': method({
    params: z.strictObject({ run, path }),
    result: z.strictObject({ run: z.string(), path: z.string(), state: z.string(), receipt: receipt.nullable() }),
    init: true,
    scope: 'read',
    summary: 'Who asked for the end, the signals sent, what was confirmed dead, what escaped.',
  }),
  'stream/export': method({
    params: z.strictObject({
      run,
      path,
      format: z.enum(EXPORT_FORMATS),
      channel: channel.optional().describe('Default: 1; with `asciicast` and `html` 1 and 2 together.'),
      cursor: z.string().min(1).max(200).optional().describe('`next` of the page before; left out for the first.'),
      max_bytes: z.int().min(65_536).max(LIMITS.exportBytes).optional().describe('Stored bytes that the page stands for, at most.'),
      redact: redact.optional(),
    }),
    result: z.strictObject({
      path: z.string(),
      format: z.enum(EXPORT_FORMATS),
      channels: z.array(z.int()),
      endOffsets: endOffsets.describe('Channel to where the command ended, if processes of it ran on: what lies behind was written since.'),
      end_offsets: endOffsets.describe(formerly('endOffsets')),
      mediaType: z.string(),
      media_type: z.string().describe(formerly('mediaType')),
      chunk: z.string(),
      encoding,
      next: z.string().nullable().describe('Cursor of the next page; null: this is the last.'),
      done: z.int().describe('Stored bytes up to the end of this page.'),
      bytes: z.int().describe('Stored bytes in all.'),
    }),
    init: true,
    scope: 'read',
    summary: 'A page of a document with the output of a producer: its bytes, its text, a recording, or what its terminal shows.',
  }),
};
