import type { TtyNews } from '../../protocol/tty.ts';
import type { ServerParts } from '../parts.ts';
import { screenOf } from '../screens.ts';
import type { TtyTarget } from './open-session.ts';

/** The screen of a terminal, to be drawn before the output that follows its `offset` (SPEC {#tty_frames}); undefined without a terminal. */
export async function screenNews(
  parts: ServerParts,
  { runId, path, view }: TtyTarget,
  redact: boolean,
  signal: AbortSignal,
): Promise<Extract<TtyNews, { type: 'screen' }> | undefined> {
  if (!view.producer.spec.tty && view.producer.backend !== 'tmux') return undefined;
  const { to, cols, rows, replay } = await screenOf(parts.streams, { runId, path, channel: 1, replay: true, redact, signal });
  return { type: 'screen', offset: to, cols, rows, data: replay.toString() };
}
