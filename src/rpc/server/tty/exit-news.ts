import { defined } from '../../../core/defined.ts';
import { messageOf } from '../../../core/errors.ts';
import type { EndedFact } from '../../../stream/index.ts';
import type { TtyNews } from '../../protocol/tty.ts';
import type { ServerParts } from '../parts.ts';
import type { TtyTarget } from './open-session.ts';

/** How a session's command ended, with what is known of one that has neither exit code nor signal (SPEC {#tty_frames}). */
export function exitNews(parts: ServerParts, target: Pick<TtyTarget, 'sight' | 'runId'>, end: EndedFact): TtyNews {
  const { status, outcome, exit_code: code, signal } = end;
  const message = status === 499 || (status !== 200 && code === undefined && signal === undefined) ? reason(parts, target, end) : undefined;
  return {
    type: 'exit',
    ...defined({ code, signal }),
    status,
    outcome,
    ...defined({ message }),
  };
}

function reason(parts: ServerParts, { sight, runId }: Pick<TtyTarget, 'sight' | 'runId'>, end: EndedFact): string | undefined {
  try {
    const { receipt } = parts.streams.receipt(runId, end.path);
    if (receipt)
      return `${end.status === 499 ? 'cancelled' : 'ended'} by ${receipt.requestedBy}${receipt.reason ? `: ${receipt.reason}` : ''}`;
    const { body } = parts.runtime.entries.get(sight, end.run, end.path, {});
    return body.trimEnd().split('\n').at(-1);
  } catch (error) {
    parts.logger.warn({ path: end.path, error: messageOf(error) }, 'what became of a session could not be read');
    return undefined;
  }
}
