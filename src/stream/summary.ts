import type { ChannelState } from './types.ts';

/** How a producer ended, in the words of the log entry. */
export interface EndSummary {
  readonly command: string;
  readonly how: string;
  readonly durationMs: number | null;
  readonly channels: readonly ChannelState[];
  readonly note?: string | undefined;
}

/** The body of a log entry whose producer has ended: command, end, duration, channel sizes (SPEC {#stream_completed}). */
export function endSummary(summary: EndSummary): string {
  const duration = summary.durationMs === null ? '' : ` after ${formatDuration(summary.durationMs)}`;
  const lines = [`$ ${summary.command}`, `${summary.how}${duration}`];
  for (const channel of summary.channels) lines.push(`${channelName(channel.channel)}: ${channel.bytes} bytes in ${channel.path}`);
  if (summary.note) lines.push(summary.note);
  return lines.join('\n');
}

/** The body of a log entry whose producer runs. */
export function runningSummary(command: string, channels: readonly ChannelState[]): string {
  return [`$ ${command}`, 'running', ...channels.map((channel) => `${channelName(channel.channel)}: ${channel.path}`)].join('\n');
}

function channelName(channel: number): string {
  if (channel === 1) return 'stdout';
  return channel === 2 ? 'stderr' : `channel ${channel}`;
}

function formatDuration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
