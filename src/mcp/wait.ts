import type { ServerContext } from '@modelcontextprotocol/server';
import { isEnd } from '../core/end-status.ts';
import type { Runtime } from '../rpc/client/index.ts';
import { type CommandRef, commandOf, isOver, type Noted } from './command.ts';
import { tellProgress } from './progress.ts';

/**
 * Waits until a command has ended, was refused or waits for input, or until `ms` have passed; returns how it stands then.
 * A client that sent a progress token gets the last line meanwhile (SPEC {#mcp_wait}). Throws the reason of the request's signal:
 * the command goes on.
 */
export async function settled(runtime: Runtime, ref: CommandRef, ms: number, { mcpReq }: ServerContext): Promise<Noted> {
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
