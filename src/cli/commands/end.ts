import { defined } from '../../core/defined.ts';
import type { Console } from '../console.ts';
import { EXIT } from '../exit-codes.ts';
import { awaitKill } from '../kill.ts';
import { type ListOptions, printAnswer, printJson, say, withSession } from '../listing.ts';
import { formatStatus } from '../text.ts';
import { liveCommand } from '../the-only.ts';

/** Options of `headgate cancel`. */
export interface CancelOptions extends ListOptions {
  readonly reason?: string;
  readonly signal?: string;
  readonly grace?: number;
}

/** `headgate cancel`: ends a command and says what became of its processes. */
export async function cancel(console: Console, run: string, path: string | undefined, options: CancelOptions): Promise<number> {
  return await withSession(console, options, async (session) => {
    const target = await liveCommand(session, run, path, 'cancel');
    const { terminal_status: before } = await session.call('stream/cancel', {
      run,
      path: target,
      ...defined({ reason: options.reason, signal: options.signal, grace_ms: options.grace }),
    });
    if (before !== undefined)
      return await printAnswer(
        console,
        options,
        { run, path: target, receipt: null, terminal_status: before },
        `${target} had ended before: ${formatStatus(before)}`,
      );
    const receipt = await awaitKill(session, run, target, undefined, options.grace);
    if (options.json) return await printJson(console, { run, path: target, receipt: receipt ?? null });
    if (receipt?.finishedAt == null) return await say(console, `cancelled ${target}; its processes are still being ended`);
    const dead = receipt.confirmedDead.length;
    const escaped = receipt.escaped.length === 0 ? '' : `; still running: pid ${receipt.escaped.join(', ')}`;
    await console.out.write(`cancelled ${target}: ${dead} ${dead === 1 ? 'process' : 'processes'} confirmed gone${escaped}\n`);
    return receipt.escaped.length === 0 ? EXIT.ok : EXIT.failed;
  });
}

/** `headgate kill`: sends a signal to a command; what it does with it is its own affair (SPEC {#cli_kill}). */
export async function kill(
  console: Console,
  run: string,
  path: string | undefined,
  { signal, ...options }: ListOptions & { readonly signal: string },
): Promise<number> {
  return await withSession(console, options, async (session) => {
    const target = await liveCommand(session, run, path, 'kill');
    await session.call('stream/signal', { run, path: target, signal });
    return await printAnswer(console, options, { run, path: target, signal }, `sent ${signal} to ${target}`);
  });
}

/** `headgate abort`: ends the loops of a run with the commands that they wait for. */
export async function abort(console: Console, run: string, options: ListOptions): Promise<number> {
  return await withSession(console, options, async (session) => {
    const answer = await session.call('run/abort', { run });
    return await printAnswer(console, options, answer, `${answer.run} is ${formatStatus(answer.status)}`);
  });
}
