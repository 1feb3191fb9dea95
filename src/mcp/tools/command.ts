import type { ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { defined } from '../../core/defined.ts';
import { isEnd } from '../../core/end-status.ts';
import { given } from '../../core/given.ts';
import { traceparentIn } from '../../core/trace-context.ts';
import type { Runtime } from '../../rpc/client/index.ts';
import { commandParams } from '../../rpc/protocol/entries.ts';
import { LIMITS } from '../../rpc/protocol/shapes.ts';
import { type Command, type CommandRef, commandOf, isOver, type Noted } from '../command.ts';
import { tellProgress } from '../progress.ts';
import type { Answer } from '../results.ts';
import { commandShape, DEFAULT_WAIT_MS, logPath, runAlias, waitMs } from './shapes.ts';
import { registerTool, type ToolContext, type ToolKit } from './tool.ts';

const SH = `Runs a shell command in the project. Rules decide whether it runs at once, or a person has to accept it first; you cannot.
It goes on when this call ends: wait waits for it, get reads its output, cancel ends it. Returns a digest of the output, the whole of which is kept.`;

const WAIT = 'Waits until a command has ended, was refused or waits for input, and returns what sh returns.';

/** Registers `sh` and `wait` (SPEC {#mcp_sh}, {#mcp_wait}). */
export function commandTools(kit: ToolKit): void {
  const { link } = kit;
  registerTool(
    kit,
    'sh',
    {
      title: 'Run a command',
      description: SH,
      input: z.strictObject({
        command: commandParams.command
          .unwrap()
          .describe('A command line for a shell, or an array: a program and its arguments, run without a shell and needing no quotes.'),
        shell: commandParams.shell,
        cwd: z.string().min(1).max(4096).optional().describe('Relative to the project root, and inside it. Default: the root.'),
        env: z.record(z.string(), z.string()).optional().describe('Variables added to the environment.'),
        timeout_ms: z.int().min(1).max(LIMITS.timeoutMs).optional().describe('Milliseconds until the command is ended. Default: never.'),
        stdin: z.boolean().optional().describe('True: input can type into it. Default: it reads /dev/null.'),
        yield_ms: waitMs.optional().describe('Milliseconds to wait for its acceptance and its end. Default 30000.'),
        cancel_with_request: z.boolean().optional().describe('True: cancelling this call ends the command. Default: it goes on.'),
      }),
      facts: commandShape,
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    },
    async ({ timeout_ms, yield_ms, stdin = false, cancel_with_request, ...asked }, context) => {
      const runtime = await link.runtime();
      const params = { ...given(asked), stdin, ...defined({ timeout: timeout_ms }) };
      const ref = await link.inRun(async (run) => {
        context.mcpReq.signal.throwIfAborted();
        return await runtime.call('sh', { ...params, run }, { traceparent: traceparentIn(context.mcpReq._meta) });
      });
      try {
        return await described(runtime, await settled(runtime, ref, yield_ms ?? DEFAULT_WAIT_MS, context));
      } catch (error) {
        if (cancel_with_request && context.mcpReq.signal.aborted) await end(runtime, ref);
        throw error;
      }
    },
  );
  registerTool(
    kit,
    'wait',
    {
      title: 'Wait for a command',
      description: WAIT,
      input: z.strictObject({
        path: logPath,
        run: runAlias.optional(),
        ms: waitMs.optional().describe('Milliseconds at most; 0 says how it stands. Default 30000.'),
      }),
      facts: commandShape,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ path, run, ms = DEFAULT_WAIT_MS }, context) => await waited(kit, { path, run, ms }, context),
  );
}

async function waited(
  { link }: ToolKit,
  { path, run, ms }: { path: string; run: string | undefined; ms: number },
  context: ToolContext,
): Promise<Answer<Command>> {
  const runtime = await link.runtime();
  const ref = { path, run: run ?? (await link.openRun()) };
  const command = ms === 0 ? await commandOf(runtime, ref) : await settled(runtime, ref, ms, context);
  return await described(runtime, command, run);
}

/** Ends a command whose caller is gone, or takes back a proposal; no caller is left that could be told of a failure. */
async function end(runtime: Runtime, { run, path, status }: { run: string; path: string; status: number }): Promise<void> {
  const cancel = () => runtime.call('stream/cancel', { run, path, reason: 'the request was cancelled' });
  const withdraw = () => runtime.call('run/resolve', { run, resolution: { path, action: 'reject', output: 'the request was cancelled' } });
  await (status === 202 ? withdraw().catch(cancel) : cancel()).catch(() => undefined);
}

/** The answer of a command: how it stands, a digest of each channel, and what to do next; `named` is the run, where the caller named it. */
async function described(runtime: Runtime, { word, note, ...command }: Noted, named?: string): Promise<Answer<Command>> {
  const { run, path } = command;
  const parts = [headOf({ ...command, word, note }, named)];
  const channels: Command['channels'] = [];
  for (const channel of command.channels) {
    if (channel.bytes === 0) {
      channels.push(channel);
      continue;
    }
    // The size is that of the digest: it may have grown since.
    const { body, bytes } = await runtime.look('get', { run, path, channel: channel.channel, format: 'digest' });
    parts.push(body.trimEnd());
    channels.push({ ...channel, bytes });
  }
  return { text: parts.join('\n\n'), facts: { ...command, channels }, refused: command.status === 'rejected' };
}

function headOf({ run, path, status, exit_code, signal, outcome, word, note }: Noted, named?: string): string {
  const call = `wait ${JSON.stringify({ path, run: named })}`;
  switch (status) {
    case 'proposed':
      return `${path} is proposed and does not run yet: a person has to accept it, for example with "headgate attach ${run}". Then ${call} waits for its end.`;
    case 'rejected':
      return `${path} was not run (${outcome ?? 'rejected'}): ${note}\nDo not ask for it again in other words; ask the user, or go another way.`;
    case 'running':
      return `${path} is running. ${call} waits for its end, cancel ends it.`;
    case 'waiting_for_input':
      return `${path} is running and waits for input. input types into it, cancel ends it.`;
    case 'cancelled':
      return `${path} was cancelled.`;
    default:
      return `${path} ${status === 'done' ? 'is done' : 'has failed'}: ${exit_code === null && signal === null ? `${word}: ${note}` : word}`;
  }
}

/**
 * Waits until a command has ended, was refused or waits for input, or until `ms` have passed; returns how it stands then.
 * A client that sent a progress token gets the last line meanwhile (SPEC {#mcp_wait}). Throws the reason of the request's signal:
 * the command goes on.
 */
async function settled(runtime: Runtime, ref: CommandRef, ms: number, { mcpReq }: ServerContext): Promise<Noted> {
  const timeout = AbortSignal.timeout(ms);
  const events = runtime.events({ run: ref.run, signal: AbortSignal.any([mcpReq.signal, timeout]) });
  const endProgress = tellProgress(runtime, ref, mcpReq);
  try {
    // Looked at after the subscription: what happens from here on is among the events.
    const now = await commandOf(runtime, ref);
    if (isOver(now) || now.status === 'waiting_for_input') return now;
    for await (const { name, params } of events) {
      if (!('path' in params) || params.path !== ref.path) continue;
      if (name === 'stream/ended' || name === 'stream/waiting') break;
      // A proposal may end without an answer: its run is aborted.
      if (name === 'entry/changed' && (params.removed || isEnd(params.status))) break;
    }
  } catch (error) {
    if (!timeout.aborted || mcpReq.signal.aborted) throw error;
  } finally {
    endProgress();
    await events.return?.();
  }
  return await commandOf(runtime, ref);
}
