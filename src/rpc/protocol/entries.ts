import { z } from 'zod';
import { command, shell } from '../../model/launch.ts';
import { LIFETIME_FORMS, lifetimeParam } from '../../model/lifetime.ts';
import { placeParams } from '../../model/place.ts';
import { SELECTOR_CHARS } from '../../model/selector.ts';
import { method } from './method.ts';
import {
  attributes,
  channel,
  channelNames,
  channels,
  entry,
  LIMITS,
  ok,
  redact,
  rowOffset,
  rows,
  run,
  status,
  visibility,
} from './shapes.ts';

/** What a command of a client may say; also of `tty/open`. */
export const commandParams = {
  run,
  command: command
    .optional()
    .describe(
      'A command line for a shell, or an array: a program and its arguments, run without one. Left out where something is watched.',
    ),
  shell: shell
    .optional()
    .describe('Which shell gets the command line: `sh`, `bash`, or the `login` shell of the user. Default: as the run says, else `sh`.'),
  ...placeParams,
  cwd: z.string().min(1).max(4096).optional().describe('Relative to the project root, and inside it; absolute in a container or over SSH.'),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a variable name'), z.string().max(32 * 1024)).optional(),
  timeout: z.int().min(1).max(LIMITS.timeoutMs).optional().describe('Milliseconds until it is ended.'),
  lifetime: lifetimeParam
    .optional()
    .describe(`How long it may run once the server has gone: ${LIFETIME_FORMS}. Default: that of the run, else \`forever\`.`),
  yield_ms: z.int().min(0).max(3600_000).optional().describe('How long a turn waits for it, milliseconds.'),
  runner: z
    .string()
    .min(1)
    .max(SELECTOR_CHARS)
    .optional()
    .describe(
      '`client`: the caller runs it and streams; else which registered runner: `gpu,eu`, `!old`, `name:build-1`. Default `embedded`.',
    ),
  channels: channelNames
    .optional()
    .describe('With `runner: "client"`: channels beyond 1 and 2 that the caller fills, number to name, such as {"3": "warnings"}.'),
  durable: z.boolean().optional(),
  stdin: z
    .boolean()
    .optional()
    .describe('False: the command reads /dev/null. Default true; false for a watched pane of tmux, which gets input only with `true`.'),
};

/** A path that may be a file's; those are longer than entries'. */
const filePath = z.string().min(1).max(1024);
const fileConstraint = z.strictObject({ pattern: z.string(), rule: z.enum(['ignore', 'persist']), createdAt: z.int() });

const commandResult = z.strictObject({ run: z.string(), path: z.string(), status, channels });

/** Entry operations, the same handlers that the model's actions go through (SPEC {#entries}). */
export const entryMethods = {
  getEntries: method({
    params: z.strictObject({
      run: run.optional(),
      pattern: z.string().min(1).max(512).optional().describe('A glob over paths, e.g. sh://**'),
      body: z.boolean().optional().describe('False leaves the bodies out. Default true.'),
      before: z.string().min(1).max(512).optional().describe('With `run`, a path of it: only entries that were created before that one.'),
      newest: z
        .boolean()
        .optional()
        .describe('True: the last ones instead of the first, in the same order; `offset` counts from the last.'),
      limit: rows.optional(),
      offset: rowOffset.optional(),
      redact: redact.optional(),
    }),
    result: z.array(entry),
    init: true,
    scope: 'read',
    summary: "Entries in order of creation; a channel's body is its last 64 KiB at most.",
  }),
  get: method({
    params: z.strictObject({
      run,
      path: filePath.describe('Of an entry, or of a file of the project: file://src/main.ts'),
      line: z.int().optional().describe('First line, 1 for the first; negative counts from the end.'),
      limit: z.int().min(1).max(100_000).optional().describe('Lines at most.'),
      channel: channel.optional().describe("With a log entry's path: one of its channels."),
      format: z
        .enum(['raw', 'screen', 'digest'])
        .optional()
        .describe('`screen`: the rows that a terminal shows, of a log entry; `digest`: what a model is shown of a channel.'),
      redact: redact.optional(),
    }),
    result: entry.extend({ line: z.int().optional() }),
    init: true,
    scope: 'read',
    summary: 'One entry or file, or some lines of it.',
  }),
  set: method({
    params: z.strictObject({
      run,
      path: filePath.describe('Of an entry, or of a file of the project: file://src/main.ts'),
      body: z.string().max(LIMITS.bodyBytes).optional(),
      append: z.boolean().optional().describe('True: `body` goes behind what is there. Entries only; default false.'),
      attributes: attributes.optional(),
      visibility: visibility.optional(),
    }),
    result: entry,
    init: true,
    scope: 'run',
    summary: "Writes an entry or a file; log entries and channels are the server's own.",
  }),
  rm: method({
    params: z.strictObject({ run, path: filePath }),
    result: ok,
    init: true,
    scope: 'run',
    summary: 'Removes a file, or an entry that a client or the model wrote.',
  }),
  mv: method({
    params: z.strictObject({ run, path: filePath, to: filePath }),
    result: entry,
    init: true,
    scope: 'run',
    summary: 'Moves an entry or a file to another path.',
  }),
  cp: method({
    params: z.strictObject({ run, path: filePath, to: filePath }),
    result: entry,
    init: true,
    scope: 'run',
    summary: 'Copies an entry or a file to another path.',
  }),
  store: method({
    params: z.strictObject({
      path: filePath.optional().describe('A file, or a glob over paths relative to the project root.'),
      run: run.optional(),
      persist: z.boolean().optional().describe('Always shown to the model.'),
      ignore: z.boolean().optional().describe('Kept from the model.'),
      clear: z.boolean().optional().describe('Removes the constraint.'),
    }),
    result: ok.extend({ constraints: z.array(fileConstraint).optional() }),
    init: true,
    scope: 'run',
    wide: true,
    summary: 'Sets or clears a file constraint and returns all of them; without a flag it only returns them.',
  }),
  sh: method({
    params: z.strictObject(commandParams),
    result: commandResult,
    init: true,
    scope: 'run',
    summary: "A client's own command: proposed, and accepted at once when policy allows.",
  }),
  env: method({
    params: z.strictObject(commandParams),
    result: commandResult,
    init: true,
    scope: 'run',
    summary: 'The same for a command that only looks.',
  }),
};
