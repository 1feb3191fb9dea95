import { z } from 'zod';
import { shell } from '../../model/launch.ts';
import { containerPlace, pixels, sandbox, sshPlace, terminal, tmuxPlace } from '../../model/place.ts';
import { LIVE_STATES } from '../../model/status.ts';
import { method, notification } from './method.ts';
import { alias, byteOffset, chunk, empty, epoch, leftoverLimit, reason, receipt, signal } from './shapes.ts';

/** Bytes of output in one frame at most. */
export const FRAME_BYTES = 1024 * 1024;

const producer = z
  .string()
  .regex(/^p[1-9]\d{0,14}-[0-9a-z]{1,11}$/, 'must be the name of a producer, as runner/start gave it')
  .describe('Name of the producer, as `runner/start` gave it.');
const label = alias.describe('A name or a label: 1 to 64 characters of A-Z a-z 0-9 . _ -.');
const handle = z.int().min(0).max(0xffffffff);
const kill = z.strictObject({
  requestedBy: z.string(),
  reason: z.string().nullable(),
  signal: z.string().optional(),
  graceMs: z.int().optional(),
});
const runPattern = z
  .string()
  .regex(/^[A-Za-z0-9._*?-]{1,64}$/, 'must be 1 to 64 characters of A-Z a-z 0-9 . _ - with * and ?, for example ci-*');
const bootId = z.string().max(64);
const pids = z.array(z.int()).max(10_000);
const followed = z.boolean().optional().describe('The runner goes on bringing what `detached` write.');
const row = z.strictObject({
  name: z.string(),
  labels: z.array(z.string()),
  backends: z.array(z.string()),
  capacity: z.int(),
  live: z.int(),
  state: z.enum(['ready', 'draining', 'away']),
  epoch: z.int(),
  lastSeen: z.int(),
  owner: z.string(),
  for: z.array(z.string()).describe('Patterns of the runs that it takes; none: every run.'),
  version: z.string(),
});

/** What a runner calls, and what is asked about runners (SPEC {#runner_register}). */
export const runnerMethods = {
  'runner/register': method({
    params: z.strictObject({
      name: label,
      labels: z.array(label).max(32),
      backends: z.array(z.string().min(1).max(32)).min(1).max(16),
      capacity: z.int().min(1).max(10_000),
      instance: z.string().min(8).max(64).describe('Id of its state folder.'),
      store: z.string().max(64).optional().describe('`store` of the registration before.'),
      boot_id: bootId.optional().describe('Boot of its machine.'),
      draining: z.boolean().optional(),
      for: z.array(runPattern).max(16).optional().describe('Patterns over aliases: it takes the commands of these runs only.'),
      protocol: z.int().optional().describe('Version of the protocol that it speaks.'),
      version: z.string().max(64).optional().describe('Version of its program.'),
      resume: z.array(z.strictObject({ producer })).max(20_000).optional().describe('What its state folder holds.'),
    }),
    result: z.strictObject({
      runner: z.string(),
      epoch: z.int(),
      lease_ms: z.int(),
      output_bytes: z.int().min(0).describe('Output of one command beyond which the runner ends it; 0 for none.'),
      rest: z
        .strictObject({ bytes: z.int().min(0), ms: z.int().min(0) })
        .optional()
        .describe('The server takes what processes write that run on after the end of their command, up to so much; 0 for no limit.'),
      store: z.string(),
      adopt: z.array(z.string()),
      release: z.array(z.strictObject({ producer: z.string(), epoch: z.int(), kill: kill.nullable() })),
    }),
    init: false,
    scope: 'runner',
    summary: 'Offers a runner; `runner/adopt` follows for each producer of `adopt`, then `runner/start` for new ones.',
  }),
  'runner/heartbeat': method({ params: empty, result: empty, init: false, scope: 'runner', summary: "Renews a runner's lease." }),
  'runner/started': method({
    params: z.strictObject({ producer, epoch, ref: z.record(z.string().max(64), z.unknown()) }),
    result: empty,
    init: false,
    scope: 'runner',
    summary: 'A runner has started a producer; `ref` is how it finds it again.',
  }),
  'runner/completed': method({
    params: z.strictObject({
      producer,
      epoch,
      exitCode: z.int().min(0).max(255).optional(),
      signal: signal.optional(),
      durationMs: z.number().min(0).optional(),
      detached: pids,
      followed,
      restMs: z.number().min(0).optional().describe('So much later the rest of it ended.'),
    }),
    result: empty,
    init: false,
    scope: 'runner',
    summary: 'A producer has ended and all its output is stored.',
  }),
  'runner/failed': method({
    params: z.strictObject({
      producer,
      epoch,
      lost: z.boolean(),
      outcome: z.string().max(64),
      message: z.string().max(64 * 1024),
      detached: pids.optional(),
      followed,
    }),
    result: empty,
    init: false,
    scope: 'runner',
    summary: 'A producer could not be started, or is gone without a trace.',
  }),
  'runner/killed': method({
    params: z.strictObject({ producer, epoch, receipt }),
    result: empty,
    init: false,
    scope: 'runner',
    summary: 'A kill is over; the receipt is stored.',
  }),
  'runner/leftover': method({
    params: z.strictObject({ producer, epoch, processes: pids, limit: z.enum(['bytes', 'time']).optional(), gone: z.boolean() }),
    result: empty,
    init: false,
    scope: 'runner',
    summary: 'What runs on of a producer that has ended: its processes, the limit that it has reached, whether it is gone.',
  }),
  'runner/persist': method({
    params: empty,
    result: empty,
    init: false,
    scope: 'runner',
    summary: 'Returns once everything that was acknowledged to the runner before is on the disk of the server.',
  }),
  'runner/drain': method({
    params: z.strictObject({ runner: label.optional().describe('Default: the runner of this connection.') }),
    result: z.strictObject({ runner: z.string(), live: z.int() }),
    init: false,
    scope: 'runner',
    summary: 'The runner finishes what it has, takes no more, and leaves.',
  }),
  'runner/forget': method({
    params: z.strictObject({ runner: label }),
    result: z.strictObject({ runner: z.string() }),
    init: false,
    scope: 'runner',
    summary: 'Forgets a runner that will not come back; its name is free.',
  }),
  'runner/list': method({
    params: empty,
    result: z.array(row),
    init: false,
    scope: 'read',
    summary: 'Every runner that has registered: what it offers, how many producers it has, whether it is there.',
  }),
};

/** What a server tells a runner (SPEC {#runner_output}). */
export const runnerNotifications = {
  'runner/ack': notification({
    params: z.strictObject({ handle, channel: z.int(), offset: z.int() }),
    durable: false,
    summary: 'To a runner: every byte before `offset` is stored.',
  }),
  'runner/nack': notification({
    params: z.strictObject({
      handle,
      channel: z.int(),
      offset: z.number(),
      error: z.strictObject({ name: z.string(), message: z.string(), data: z.looseObject({}) }),
    }),
    durable: false,
    summary: 'To a runner: the frame at `offset` was not stored.',
  }),
  'runner/fenced': notification({
    params: z.strictObject({ runner: z.string(), epoch: z.int(), reason: z.enum(['replaced', 'lease']), message: z.string() }),
    durable: false,
    summary: 'To a runner: it lets go of everything. `replaced`: another one has its place, it stops. `lease`: it registers again.',
  }),
};

/** A producer on its way to a runner. */
export const assignment = z.strictObject({
  producer,
  handle,
  epoch,
  run: z.string(),
  path: z.string(),
  backend: z.string(),
  state: z.enum(LIVE_STATES),
  bootId: bootId.nullable(),
  spec: z.looseObject({
    command: z.string(),
    argv: z.array(z.string()).readonly().optional(),
    shell: shell.optional(),
    line: z.string().optional(),
    cwd: z.string(),
    env: z.record(z.string(), z.string()),
    stdin: z.boolean(),
    tty: terminal.optional(),
    container: containerPlace.optional(),
    ssh: sshPlace.optional(),
    tmux: tmuxPlace.optional(),
    sandbox: sandbox.extend({ root: z.string() }).optional(),
    looking: z.object({ root: z.string() }).optional(),
  }),
  ref: z.record(z.string(), z.unknown()).nullable(),
  kill: kill.nullable(),
  leftover: z
    .strictObject({ since: z.int(), ends: z.record(z.string(), byteOffset), limit: leftoverLimit })
    .optional()
    .describe('It has ended, and only what runs on of it is followed.'),
  createdAt: z.int(),
  startedAt: z.int().nullable(),
  /** Channel -> stored bytes. */
  offsets: z.record(z.string(), byteOffset),
});

/** What the server asks of a runner, as JSON-RPC requests over the runner's connection (SPEC {#runner_requests}). */
export const runnerRequests = {
  'runner/start': { params: assignment, result: empty },
  'runner/adopt': { params: assignment, result: empty },
  'runner/input': {
    params: z.strictObject({ producer, chunk, eof: z.boolean(), offset: byteOffset.optional() }),
    result: z.strictObject({ offset: z.int().optional(), bytes: z.int() }),
  },
  'runner/resize': {
    params: z.strictObject({
      producer,
      cols: z.int(),
      rows: z.int(),
      pixels: z.strictObject({ width: pixels, height: pixels }).optional(),
    }),
    result: empty,
  },
  'runner/signal': { params: z.strictObject({ producer, signal }), result: empty },
  'runner/kill': {
    params: z.strictObject({
      producer,
      epoch,
      path: z.string(),
      requestedBy: z.string(),
      reason: reason.nullable(),
      signal,
      graceMs: z.int(),
    }),
    result: empty,
  },
  'runner/drain': { params: empty, result: empty },
} as const;

export type Assignment = z.output<typeof assignment>;
export type RunnerRequests = typeof runnerRequests;
export type RunnerRequestName = keyof RunnerRequests;
export type RunnerRequestParams<M extends RunnerRequestName> = z.output<RunnerRequests[M]['params']>;
export type RunnerRequestResult<M extends RunnerRequestName> = z.output<RunnerRequests[M]['result']>;
/** What a runner does with each request. */
export type RunnerRequestHandlers = {
  readonly [M in RunnerRequestName]: (params: RunnerRequestParams<M>) => RunnerRequestResult<M> | Promise<RunnerRequestResult<M>>;
};
