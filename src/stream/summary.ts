import type { ProducerSpec } from '../model/records.ts';
import type { ChannelState } from './types.ts';

/** How a producer ended, in the words of the log entry. */
export interface EndSummary {
  readonly spec: ProducerSpec;
  readonly how: string;
  readonly durationMs: number | null;
  /** Milliseconds from the end of the main process to the end of the last one, if that was waited for. */
  readonly restMs?: number | undefined;
  readonly channels: readonly ChannelState[];
  readonly notes: readonly (string | undefined)[];
}

/** The body of a log entry whose producer has ended: command, end, duration, channel sizes (SPEC {#stream_completed}). */
export function endSummary(summary: EndSummary): string {
  const duration = summary.durationMs === null ? '' : ` after ${formatDuration(summary.durationMs)}`;
  const rest = summary.restMs === undefined ? '' : `, the rest of it ended ${formatDuration(summary.restMs)} later`;
  const { spec } = summary;
  const lines = [titleOf(spec), `${summary.how}${duration}${rest}`];
  for (const channel of summary.channels) lines.push(`${channelName(spec, channel.channel)}: ${channel.bytes} bytes in ${channel.path}`);
  return [...lines, ...summary.notes.filter(Boolean)].join('\n');
}

/** The body of a log entry whose producer runs. */
export function runningSummary(spec: ProducerSpec, channels: readonly ChannelState[]): string {
  return [titleOf(spec), 'running', ...channels.map(({ channel, path }) => `${channelName(spec, channel)}: ${path}`)].join('\n');
}

/** The command line behind a `$`, or the name that a plugin gave its producer. */
function titleOf({ command, input }: ProducerSpec): string {
  return input ? command : `$ ${command}`;
}

function channelName({ channelNames }: ProducerSpec, channel: number): string {
  const name = channelNames?.[channel];
  if (name !== undefined) return name;
  if (channel === 1) return 'stdout';
  return channel === 2 ? 'stderr' : `channel ${channel}`;
}

function formatDuration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
