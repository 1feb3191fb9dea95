import { z } from 'zod';
import { defined } from '../../core/defined.ts';
import type { Runtime } from '../../rpc/client/index.ts';
import type { ResultOf } from '../../rpc/protocol/table.ts';
import { type CommandRef, commandOf, producerOf } from '../command.ts';
import type { Answer } from '../results.ts';
import { logPath } from './shapes.ts';
import { ownCommands, registerTool, type ToolKit } from './tool.ts';

/** How long an answer waits for the receipt, beyond the grace (milliseconds), and how often it looks. */
const CONFIRM_MS = 8000;
const LOOK_MS = 200;
const GRACE_MS = 2000;

const receiptShape = z.object({
  run: z.string(),
  path: z.string(),
  state: z.string(),
  requested_by: z.string().nullable(),
  signals: z.array(z.string()),
  confirmed_dead: z.array(z.int()),
  escaped: z.array(z.int()),
  finished: z.boolean(),
});

const signalShape = z.object({ run: z.string(), path: z.string(), sent: z.string() });
const inputShape = signalShape.extend({
  bytes: z.int().describe('That it took.'),
  ended: z.boolean().describe('True: its input has ended.'),
});

type Facts = z.output<typeof receiptShape>;
type Typed = z.output<typeof inputShape>;

/** Registers `cancel`, `signal` and `input`; they reach commands of the session's own run only (SPEC {#mcp_control}). */
export function controlTools(kit: ToolKit): void {
  registerTool(
    kit,
    'cancel',
    {
      title: 'Cancel a command',
      description:
        'Ends a command of this session with all its processes and returns what became of them; takes back one that was not accepted yet.',
      input: z.strictObject({
        path: logPath,
        reason: z.string().max(1000).optional(),
        grace_ms: z.int().min(0).max(60_000).optional().describe('Milliseconds between the first signal and KILL. Default 2000.'),
      }),
      facts: receiptShape,
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    },
    async ({ path, reason, grace_ms = GRACE_MS }, context) => {
      const { runtime, run } = await ownCommands(kit);
      const ref = { run, path };
      if ((await commandOf(runtime, ref)).status === 'proposed') return await withdraw(runtime, ref, reason);
      await runtime.call('stream/cancel', { ...ref, grace_ms, ...defined({ reason }) });
      return receiptOf(await receipt(runtime, ref, grace_ms + CONFIRM_MS, context.mcpReq.signal));
    },
  );
  registerTool(
    kit,
    'signal',
    {
      title: 'Send a signal',
      description: 'Sends a signal to a command of this session, for example INT as Ctrl-C does.',
      input: z.strictObject({ path: logPath, signal: z.string().min(1).max(16).describe('INT, TERM, HUP, USR1 or a number.') }),
      facts: signalShape,
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
    },
    async ({ path, signal }) => {
      const { runtime, run } = await ownCommands(kit);
      await runtime.call('stream/signal', { run, path, signal });
      return { text: `${signal} was sent to ${path}. wait says what it makes of it.`, facts: { run, path, sent: signal } };
    },
  );
  registerTool(
    kit,
    'input',
    {
      title: 'Type into a command',
      description:
        'Types into the standard input of a command of this session that was started with "stdin": true, where the rules allow what is typed.',
      input: z.strictObject({
        path: logPath,
        text: z.string().max(16_384).optional().describe('Typed as it is; end it with a line end to send a line.'),
        eof: z.boolean().optional().describe('True: the input ends after that.'),
      }),
      facts: inputShape,
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
    },
    async ({ path, text = '', eof = false }) => {
      const { runtime, run } = await ownCommands(kit);
      return await type(runtime, { run, path }, text, eof);
    },
  );
}

async function type(runtime: Runtime, ref: CommandRef, text: string, eof: boolean): Promise<Answer<Typed>> {
  if (text === '' && !eof) throw new Error('give text or eof: there is nothing to type');
  const producer = await producerOf(runtime, ref);
  if (!producer) throw new Error(`${ref.path} does not run; list says what does`);
  await allowed(runtime, `${producer.command} < ${text}`, ref.run);
  const { bytes } = await runtime.call('stream/input', { ...ref, chunk: text, eof });
  const wanted = Buffer.byteLength(text);
  if (bytes < wanted) {
    const open = eof ? ', so its input was not ended' : '';
    throw new Error(
      `${ref.path} took only ${bytes} of ${wanted} bytes: it has not read the rest for two seconds${open}. Type the rest later.`,
    );
  }
  return {
    text: `Typed ${bytes} bytes into ${ref.path}${eof ? ' and ended its input' : ''}. wait says what it makes of it.`,
    facts: { ...ref, sent: text, bytes, ended: eof },
  };
}

/** What is typed into a shell that was accepted is a new command: the rules judge it as they do for any model ({#tool_input}). */
async function allowed(runtime: Runtime, subject: string, run: string): Promise<void> {
  const { decision, reason } = await runtime.look('policy/check', { tool: 'input', subjects: [subject] });
  if (decision === 'allow') return;
  const next =
    decision === 'deny'
      ? 'Go another way.'
      : `Ask the user to type it, for example in "headgate attach ${run}", or to allow it with a rule: headgate policy add allow 'input(...)'.`;
  throw new Error(`This may not be typed without a person: ${reason}\n${next}`);
}

async function withdraw(runtime: Runtime, { run, path }: CommandRef, reason = 'withdrawn'): Promise<Answer<Facts>> {
  await runtime.call('run/resolve', { run, resolution: { path, action: 'reject', output: reason } });
  const none = { state: 'rejected', requested_by: null, signals: [], confirmed_dead: [], escaped: [], finished: true };
  return { text: `${path} was taken back before anybody accepted it; it has not run.`, facts: { run, path, ...none } };
}

type Receipt = ResultOf<'stream/receipt'>;

/** The receipt, once the kill is over; what is known of it when that takes too long. */
async function receipt(runtime: Runtime, ref: CommandRef, ms: number, signal: AbortSignal): Promise<Receipt> {
  const until = performance.now() + ms;
  for (;;) {
    const known = await runtime.look('stream/receipt', ref);
    if (known.state !== 'cancelling' || performance.now() > until) return known;
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function receiptOf({ run, path, state, receipt: known }: Receipt): Answer<Facts> {
  const facts = {
    run,
    path,
    state,
    requested_by: known?.requestedBy ?? null,
    signals: (known?.signals ?? []).map(({ signal }) => signal),
    confirmed_dead: known?.confirmedDead ?? [],
    escaped: known?.escaped ?? [],
    finished: known !== null && known.finishedAt !== null,
  };
  if (!known) return { text: `${path} has ended by itself (${state}); nothing was signalled.`, facts };
  const text = [
    `${path} is ${facts.finished ? 'cancelled' : 'being cancelled'} by ${known.requestedBy}.`,
    `signals: ${facts.signals.join(', ') || 'none'}`,
    `confirmed dead: ${known.confirmedDead.length} processes`,
    ...(known.escaped.length > 0 ? [`still alive: ${known.escaped.join(', ')}`] : []),
  ];
  return { text: text.join('\n'), facts };
}
