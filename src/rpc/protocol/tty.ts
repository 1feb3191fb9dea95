import { z } from 'zod';
import { command } from '../../model/launch.ts';
import { pixels } from '../../model/place.ts';
import { commandParams } from './entries.ts';
import { byteOffset, channel, channelInfo, path, run, signal } from './shapes.ts';

/** The messages of the terminal carriage `GET /tty` (SPEC {#tty_open}, {#tty_frames}). */

/** Where the WebSocket is. */
export const TTY_PATH = '/tty';
/** Bytes of the first message at most. */
export const TTY_OPEN_BYTES = 1024 * 1024;
/** The run that a session belongs to when none is named. */
export const TTY_RUN = 'tty';

const size = z.int().min(1).max(1000);

const common = {
  operation: z.literal('tty/open'),
  carriage: z.literal('raw'),
  run: run.optional().describe('Default `tty`; opened when it does not exist.'),
  project: z.string().min(1).max(128).optional().describe('Name of the project.'),
  projectRoot: z.string().min(1).max(4096).optional().describe("The project's root folder, absolute."),
  client: z.strictObject({ name: z.string().min(1).max(64), version: z.string().max(64).optional() }).optional(),
  acknowledge: z.boolean().optional().describe('True: `taken` says how much of the input the command has taken.'),
};

const { shell, backend, tty, container, ssh, tmux, sandbox, cwd, env, runner, stdin, lifetime } = commandParams;

/** The first message of a session that is to begin. */
export const ttyOpen = z.strictObject({
  ...common,
  cmd: command
    .optional()
    .describe('A command line for a shell, or an array: a program and its arguments, run without one. Default in a terminal: a shell.'),
  shell,
  tty: z.union([tty.unwrap(), z.null()]).optional().describe('null: pipes.'),
  backend,
  container,
  ssh,
  tmux,
  sandbox,
  runner,
  cwd,
  env,
  stdin,
  lifetime,
});

/** The first message of a client that comes to a session that is there. */
export const ttyAttach = z.strictObject({
  ...common,
  attach: path.describe('Path of its log entry.'),
  from: z
    .union([z.enum(['start', 'live', 'screen']), z.record(z.string().regex(/^[1-9]\d?$/, 'must be the number of a channel'), byteOffset)])
    .optional()
    .describe('Default `start`; an object says the offset of each channel, 0 for the others.'),
});

/** Answer to the first message. */
export const ttyOpened = z.strictObject({
  ok: z.literal(true),
  run,
  path,
  backend: z.string(),
  tty: z.strictObject({ term: z.string(), cols: z.int(), rows: z.int() }).nullable(),
  channels: z.array(z.strictObject({ ...channelInfo.shape, offset: byteOffset.describe('Where the chunks of this channel begin.') })),
});

/** What a client sends in control chunks. */
export const ttyCommand = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('resize'),
    cols: size,
    rows: size,
    pixel_width: pixels.optional(),
    pixel_height: pixels.optional(),
  }),
  z.object({ type: z.literal('signal'), signal: signal.optional(), name: signal.optional().describe('Instead of `signal`.') }),
  z.object({ type: z.literal('eof') }),
]);

const wireErrorShape = z.strictObject({ code: z.int(), message: z.string(), data: z.looseObject({ name: z.string(), status: z.int() }) });

/** What a server sends in control chunks. */
export const ttyNews = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('screen'),
    offset: byteOffset.describe('Byte of channel 1 that the screen stands for; the chunks go on there.'),
    cols: z.int(),
    rows: z.int(),
    data: z.string().describe('Draws the screen on an empty terminal of that size.'),
  }),
  z.strictObject({ type: z.literal('gap'), channel, from: byteOffset, to: byteOffset }),
  z.strictObject({
    type: z.literal('progress'),
    channel,
    offset: byteOffset,
    chunk: z.string(),
    encoding: z.enum(['utf8', 'base64']),
  }),
  z.strictObject({
    type: z.literal('taken'),
    bytes: z.int().min(0).describe('Bytes of the input of this connection that the command has taken.'),
  }),
  z.strictObject({ type: z.literal('error'), of: z.string().optional(), error: wireErrorShape }),
  z.strictObject({
    type: z.literal('exit'),
    code: z.int().optional(),
    signal: z.string().optional(),
    status: z.int(),
    outcome: z.string().nullable(),
    message: z.string().optional().describe('What else is known where there is neither code nor signal.'),
  }),
]);

export type TtyOpen = z.output<typeof ttyOpen>;
export type TtyAttach = z.output<typeof ttyAttach>;
export type TtyOpened = z.output<typeof ttyOpened>;
export type TtyCommand = z.output<typeof ttyCommand>;
export type TtyNews = z.output<typeof ttyNews>;
/** The first message as a client writes it. */
export type TtyFirst = z.input<typeof ttyOpen> | z.input<typeof ttyAttach>;
