import { Player } from './player.ts';
import type { ByteSource, Row, TerminalSize } from './types.ts';

const ALL = { chars: 4 * 1024 * 1024, items: 1_000_000 };

/** Some whole lines of a channel, played by themselves from the beginning of a line; ordinals begin at 0. */
export function playPart(
  channel: { readonly source: ByteSource; readonly size?: TerminalSize | undefined },
  data: Buffer,
  start: { readonly at: number; readonly lines: number },
): Row[] {
  const player = new Player({ ...channel, start, keep: ALL });
  player.play(data);
  return [...player.screen.tail.rows(channel.source, ALL.items), ...player.screen.openRows()];
}
