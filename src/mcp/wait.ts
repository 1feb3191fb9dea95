import type { ServerContext } from '@modelcontextprotocol/server';
import { isEnd } from '../core/end-status.ts';
import type { Runtime } from '../rpc/client/index.ts';
import { type Command, type CommandRef, commandOf, isOver } from './command.ts';
import { bytesOf, textOf } from './piece.ts';

/** How often somebody who asked for progress is told of it. */
const PROGRESS_MS = 1000;
const TAIL_BYTES = 300;

/**
 * Waits until a command has ended, was refused or waits for input, or until `ms` have passed; answers how it stands then.
 * Whoever sent a progress token is told the last line meanwhile (SPEC {#mcp_wait}). Throws the reason of the request's signal:
 * the command goes on.
 */
export async function settled(
  runtime: Runtime,
  ref: CommandRef,
  ms: number,
  { mcpReq }: ServerContext,
): Promise<ReturnType<typeof commandOf>> {
  const timeout = AbortSignal.timeout(ms);
  const events = runtime.events({ run: ref.run, signal: AbortSignal.any([mcpReq.signal, timeout]) });
  const progress = tellProgress(runtime, ref, mcpReq);
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
    clearInterval(progress);
    await events.return?.();
  }
  return await commandOf(runtime, ref);
}

function tellProgress(runtime: Runtime, ref: CommandRef, mcpReq: ServerContext['mcpReq']): NodeJS.Timeout | undefined {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  let progress = 0;
  let busy = false;
  const tell = async () => {
    if (busy) return;
    busy = true;
    try {
      const command = await commandOf(runtime, ref);
      const message = await stateLine(runtime, command);
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: ++progress, message } });
    } catch {
      // The answer says what is wrong.
    } finally {
      busy = false;
    }
  };
  void tell();
  return setInterval(() => void tell(), PROGRESS_MS);
}

async function stateLine(runtime: Runtime, command: Command): Promise<string> {
  if (command.status === 'proposed') return 'waits until somebody accepts it';
  const written = command.channels.filter(({ bytes }) => bytes > 0);
  const [first] = written;
  if (!first) return 'runs, nothing written yet';
  const { run, path } = command;
  const page = await runtime.look('stream/read', {
    run,
    path,
    channel: first.channel,
    from: Math.max(0, first.bytes - TAIL_BYTES),
    redact: true,
  });
  const line = textOf(bytesOf(page))
    ?.trimEnd()
    .split(/[\r\n]/)
    .at(-1);
  return line ? `${first.bytes} bytes: ${line}` : `${first.bytes} bytes`;
}
