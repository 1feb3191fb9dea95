import { z } from 'zod';
import { shell } from '../../model/launch.ts';
import { LIFETIME_FORMS, lifetimeParam } from '../../model/lifetime.ts';
import { DIALECTS } from '../../model/provider-kind.ts';
import { SELECTOR_CHARS } from '../../model/selector.ts';
import { contextResult, turnUsage } from './context.ts';
import { method } from './method.ts';
import {
  alias,
  channelNames,
  channels,
  contextLimit,
  LIMITS,
  modelAlias,
  path,
  persona,
  proposal,
  redact,
  rowOffset,
  rows,
  run,
  status,
  temperature,
  usage,
} from './shapes.ts';

const settings = {
  temperature: temperature.optional(),
  persona: persona.optional(),
  contextLimit: contextLimit.optional(),
  shell: shell.optional().describe('Which shell gets its command lines where a call names none; default `sh`.'),
  lifetime: lifetimeParam
    .optional()
    .describe(`How long the run's commands that name none may run once the server has gone: ${LIFETIME_FORMS}.`),
};

const agent = z
  .string()
  .min(1)
  .max(32)
  .optional()
  .describe('An agent of the configuration that drives the run in place of the built-in loop.');
const title = z
  .string()
  .max(200)
  .regex(/^[^\n\r]*$/, 'must be one line');

const projectRoot = z.string().min(1).max(4096).optional().describe("In the project of that root, absolute, instead of the connection's.");

const promptParams = z.strictObject({
  prompt: z.string().min(1).max(LIMITS.promptChars),
  model: modelAlias.optional(),
  agent,
  run: run.optional(),
  ...settings,
  noRepo: z.boolean().optional(),
  noInteraction: z.boolean().optional(),
  noWeb: z.boolean().optional(),
  noProposals: z.boolean().optional(),
  yolo: z.boolean().optional(),
  fork: z.boolean().optional(),
  wait: z.boolean().optional(),
});

const promptResult = z.strictObject({
  run: z.string(),
  loop: z.int(),
  status,
  outcome: z.string().nullable().optional(),
  result: z.string().nullable().optional(),
});

const runState = z.strictObject({ run: z.string(), status });

const runInfo = z.strictObject({
  run: z.string(),
  title: z.string().nullable().describe('What it is about, by a client, its agent or its first prompt; null before that.'),
  status,
  outcome: z.string().nullable(),
  model: z.string(),
  agent: z.string().optional().describe('The agent that drives the run, where it is not the built-in loop.'),
  turn: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
});

const loopInfo = z.strictObject({
  loop: z.int(),
  mode: z.enum(['ask', 'act']),
  prompt: z.string(),
  status,
  outcome: z.string().nullable(),
  result: z.string().nullable(),
});

/** Runs, their loops and proposals (SPEC {#runs}). */
export const runMethods = {
  startRun: method({
    params: z.strictObject({
      model: modelAlias.optional().describe('Left out with `agent` only.'),
      agent,
      alias: alias.optional(),
      title: title.optional(),
      projectRoot,
      ...settings,
      yolo: z.boolean().optional(),
    }),
    result: z.strictObject({
      run: z.string(),
      status,
      model: z.string(),
      project: z.string().optional().describe('With `projectRoot`: its name.'),
    }),
    init: true,
    scope: 'run',
    summary: 'Opens a run without a prompt; without `alias` the server makes one up.',
  }),
  'agent/list': method({
    params: z.strictObject({}),
    result: z.array(z.strictObject({ agent: z.string(), command: z.string(), installed: z.boolean() })),
    init: true,
    scope: 'read',
    summary: 'Agents of others that can drive runs, by their names in the configuration, and whether their command is found.',
  }),
  ask: method({
    params: promptParams.extend({ projectRoot }),
    result: promptResult,
    init: true,
    scope: 'run',
    summary: 'Queues a loop that may look and answer but change nothing; opens a run when none is named.',
  }),
  act: method({
    params: promptParams.extend({ projectRoot }),
    result: promptResult,
    init: true,
    scope: 'run',
    summary: 'Queues a loop that may propose changes; opens a run when none is named.',
  }),
  'run/validate': method({
    params: promptParams,
    result: z.strictObject({
      run: z.string().nullable(),
      model: z.strictObject({
        alias: z.string(),
        actual: z.string(),
        provider: z.string(),
        dialect: z.enum(DIALECTS),
        problem: z.string().optional(),
      }),
      tools: z.array(z.string()),
      skills: z.array(z.string()).optional(),
      plugins: z.array(z.string()),
    }),
    init: true,
    scope: 'read',
    summary: 'Resolves what `act` would use and creates nothing.',
  }),
  'run/resolve': method({
    params: z.strictObject({
      run,
      resolution: z.strictObject({
        path,
        action: z.enum(['accept', 'reject', 'error']),
        output: z.string().max(LIMITS.bodyBytes).optional(),
        remember: z.boolean().optional(),
        runner: z.string().min(1).max(SELECTOR_CHARS).optional(),
        channels: channelNames.optional().describe('With `runner: "client"`, as those of `sh`.'),
      }),
    }),
    result: z.strictObject({
      run: z.string(),
      path: z.string(),
      status,
      resolution: z.strictObject({ action: z.enum(['accept', 'reject', 'error']), output: z.string().optional(), by: z.string() }),
      channels: channels.optional(),
      remembered: z.array(z.string()).optional(),
    }),
    init: true,
    scope: 'run',
    summary: 'Answers a proposal; the first answer wins.',
  }),
  'run/abort': method({
    params: z.strictObject({ run }),
    result: runState,
    init: true,
    scope: 'run',
    summary: "Ends the run's loops with 499 and cancels the producers that they wait for.",
  }),
  'run/rename': method({
    params: z.strictObject({ run, name: alias }),
    result: runState,
    init: true,
    scope: 'run',
    summary: 'Gives the run another alias.',
  }),
  'run/inject': method({
    params: z.strictObject({ run, message: z.string().min(1).max(LIMITS.promptChars) }),
    result: z.strictObject({ run: z.string(), path: z.string() }),
    init: true,
    scope: 'run',
    summary: 'Adds a message that the model reads in its next turn.',
  }),
  'run/config': method({
    params: z.strictObject({
      run,
      ...settings,
      title: title.optional().describe('What clients call it; an empty one: the beginning of its first prompt again.'),
      model: modelAlias.optional(),
    }),
    result: z.strictObject({ run: z.string(), model: z.string(), settings: z.looseObject({}) }),
    init: true,
    scope: 'run',
    summary: 'Changes the settings of later turns.',
  }),
  'run/fork': method({
    params: z.strictObject({ run, name: alias.optional() }),
    result: runState,
    init: true,
    scope: 'run',
    summary: 'Copies a run up to its present state into a new one; without `name` the server makes one up.',
  }),
  'run/delete': method({
    params: z.strictObject({ run }),
    result: z.strictObject({ run: z.string(), deleted: z.literal(true) }),
    init: true,
    scope: 'admin',
    summary: 'Deletes a run with all it holds; refused while a producer of it lives.',
  }),
  getRuns: method({
    params: z.strictObject({ limit: rows.optional(), offset: rowOffset.optional() }),
    result: z.array(runInfo),
    init: true,
    scope: 'read',
    summary: "The project's runs, newest first.",
  }),
  getRun: method({
    params: z.strictObject({ run }),
    result: runInfo.extend({
      context: z
        .strictObject({ used: z.number(), size: z.number() })
        .optional()
        .describe('Tokens that the agent says are taken of its context, and those that there are.'),
      loops: z.array(loopInfo),
      usage,
      cost: z.number().nullable(),
      turns: z.array(turnUsage),
      proposals: z.array(z.string()),
      producers: z.array(z.string()),
      waiting: z.array(z.string()).describe('Of the live producers those that wait for input.'),
      leftovers: z.array(z.string()).describe('Producers that have ended and of which processes run on.'),
    }),
    init: true,
    scope: 'read',
    summary:
      'One run: its loops, usage, the paths of waiting proposals, of live producers, of those that wait for input, and of those that have left something running.',
  }),
  getProposals: method({
    params: z.strictObject({ run: run.optional(), redact: redact.optional() }),
    result: z.array(proposal),
    init: true,
    scope: 'read',
    summary: 'What waits for an answer, also after a restart.',
  }),
  getContext: method({
    params: z.strictObject({
      run,
      turn: z.int().min(1).optional().describe('Default: the last.'),
      body: z.boolean().optional().describe('False leaves texts, calls and tools out. Default true.'),
    }),
    result: contextResult,
    init: true,
    scope: 'read',
    summary: 'All that the model was sent in a turn: path and byte range of every piece, and what is quoted from nowhere.',
  }),
};
