import { z } from 'zod';
import { notification } from './method.ts';
import { ruleShape } from './policy.ts';
import { channels, encoding, leftoverLimit, proposalFacts, usage } from './shapes.ts';

const durable = { seq: z.int(), subscription: z.int().optional() };
const at = z.int();

/** Notifications, server to client (SPEC {#notifications}). */
export const notifications = {
  'headgate/hello': notification({
    params: z.strictObject({ version: z.string(), protocol: z.int(), serverId: z.string() }),
    durable: false,
    summary: 'First message of every connection.',
  }),
  'replay/synced': notification({
    params: z.strictObject({ subscription: z.int(), seq: z.int() }),
    durable: false,
    summary: 'The replay of a subscription has reached the present.',
  }),
  'run/state': notification({
    params: z.strictObject({
      ...durable,
      run: z.string(),
      status: z.int(),
      outcome: z.string().nullable(),
      turn: z.int(),
      loop: z.int().optional(),
      result: z.string().nullable().optional(),
      deleted: z.literal(true).optional(),
      renamed_from: z.string().optional(),
    }),
    durable: true,
    summary: 'A run or its loop changed status, or the run was renamed or deleted.',
  }),
  'run/progress': notification({
    params: z.strictObject({
      ...durable,
      run: z.string(),
      turn: z.int(),
      phase: z.string(),
      text: z.string().optional(),
      usage: usage.optional(),
      cost: z.number().nullable().optional(),
    }),
    durable: true,
    summary: 'A turn reached another phase; with what the model said when it has, and what it cost when it is done.',
  }),
  'run/text': notification({
    params: z.strictObject({
      subscription: z.int().optional(),
      run: z.string(),
      turn: z.int(),
      offset: z.int(),
      text: z.string(),
    }),
    durable: false,
    summary: 'What the model says in a turn, while it says it; `offset` is in bytes, 0 begins it again.',
  }),
  'run/proposal': notification({
    params: z.strictObject({
      ...durable,
      ...proposalFacts,
    }),
    durable: true,
    summary: 'A proposal waits for an answer.',
  }),
  'run/resolved': notification({
    params: z.strictObject({
      ...durable,
      run: z.string(),
      path: z.string(),
      status: z.int(),
      action: z.enum(['accept', 'reject', 'error']),
      by: z.string(),
    }),
    durable: true,
    summary: 'A proposal was answered, and by whom.',
  }),
  'stream/started': notification({
    params: z.strictObject({
      ...durable,
      run: z.string(),
      path: z.string(),
      command: z.string(),
      // Events of earlier versions have none.
      backend: z.string().optional(),
      runner: z.string(),
      channels,
    }),
    durable: true,
    summary: 'A proposal was accepted and has channels.',
  }),
  'stream/chunk': notification({
    params: z.strictObject({
      subscription: z.int(),
      run: z.string(),
      path: z.string(),
      channel: z.int(),
      offset: z.int(),
      chunk: z.string(),
      encoding,
      at,
    }),
    durable: false,
    summary: 'Bytes of a subscribed channel, in order from the cursor.',
  }),
  'stream/opened': notification({
    params: z.strictObject({ subscription: z.int(), run: z.string(), path: z.string(), handle: z.int() }),
    durable: false,
    summary: 'With `carriage: "raw"`: the handle of a producer that the answer did not name, before its first frame.',
  }),
  'stream/gap': notification({
    params: z.strictObject({ subscription: z.int(), run: z.string(), path: z.string(), channel: z.int(), from: z.int(), to: z.int() }),
    durable: false,
    summary: 'Only for `from: "live"`: the reader fell far behind and was taken to the tail.',
  }),
  'stream/waiting': notification({
    params: z.strictObject({ ...durable, run: z.string(), path: z.string(), since: z.int(), prompt: z.string().optional() }),
    durable: true,
    summary: 'A command waits for input; silent since `since`, `prompt` is its unfinished last line.',
  }),
  'stream/resumed': notification({
    params: z.strictObject({ ...durable, run: z.string(), path: z.string() }),
    durable: true,
    summary: 'A command that waited for input waits no longer.',
  }),
  'stream/ended': notification({
    params: z.strictObject({
      ...durable,
      run: z.string(),
      path: z.string(),
      status: z.int(),
      outcome: z.string().nullable(),
      channels,
      exit_code: z.int().optional(),
      signal: z.string().optional(),
      rest_ms: z.int().optional(),
    }),
    durable: true,
    summary: 'A producer ended; on a stream subscription after its last chunk. `rest_ms`: the rest of it ended so much later.',
  }),
  'stream/leftover': notification({
    params: z.strictObject({
      ...durable,
      run: z.string(),
      path: z.string(),
      state: z.enum(['running', 'cancelling', 'gone']),
      processes: z.array(z.int()),
      bytes: z.int(),
      limit: leftoverLimit,
    }),
    durable: true,
    summary:
      'Processes run on after the end of their command, are being ended, have reached a limit, or are gone; `bytes` were stored since.',
  }),
  'stream/closed': notification({
    params: z.strictObject({
      subscription: z.int(),
      run: z.string(),
      path: z.string().optional(),
      reason: z.enum(['never_started', 'run_deleted']),
      status: z.int().optional(),
      outcome: z.string().nullable().optional(),
    }),
    durable: false,
    summary: 'A stream subscription is over without `stream/ended`: what it waited for cannot come any more.',
  }),
  'stream/cancelled': notification({
    params: z.strictObject({ ...durable, run: z.string(), path: z.string(), reason: z.string().nullable() }),
    durable: true,
    summary: 'A producer was cancelled.',
  }),
  'entry/changed': notification({
    params: z.strictObject({
      ...durable,
      run: z.string(),
      path: z.string(),
      status: z.int(),
      outcome: z.string().nullable(),
      version: z.int(),
      removed: z.literal(true).optional(),
    }),
    durable: true,
    summary: 'An entry was written or changed status.',
  }),
  'policy/changed': notification({
    params: z.strictObject({ ...durable, change: z.enum(['added', 'removed']), rule: ruleShape }),
    durable: true,
    summary: 'A rule of the project was added or taken back.',
  }),
  'ui/render': notification({
    params: z.strictObject({ ...durable, run: z.string().nullable(), text: z.string() }),
    durable: true,
    summary: 'A plugin asks clients to show a text.',
  }),
  'ui/notify': notification({
    params: z.strictObject({ ...durable, run: z.string().nullable(), level: z.enum(['info', 'warn', 'error']), text: z.string() }),
    durable: true,
    summary: 'A short message for people.',
  }),
};
