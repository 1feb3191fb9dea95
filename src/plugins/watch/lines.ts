import type { ProducerIo } from '../../hooks/producer.ts';

const TAIL_BYTES = 64 * 1024;

/** Number of the last change that an earlier server has told; 0 when there is none. */
export function lastNumber(io: ProducerIo): number {
  const last = lastLine(io, 1)['n'];
  return typeof last === 'number' ? last : 0;
}

/** When an earlier server wrote its last line, milliseconds since the epoch; undefined when it wrote none. */
export function lastTime(io: ProducerIo): number | undefined {
  const times = [1, 2].map((channel) => Date.parse(String(lastLine(io, channel)['at']))).filter((time) => !Number.isNaN(time));
  return times.length === 0 ? undefined : Math.max(...times);
}

/** True when a crash has cut the last line of a channel: what follows must not run into it. */
export function endsInLine(io: ProducerIo, channel: number): boolean {
  const bytes = io.offsets[channel] ?? 0;
  return bytes > 0 && io.read(channel, bytes - 1, 1).toString() !== '\n';
}

function lastLine(io: ProducerIo, channel: number): Readonly<Record<string, unknown>> {
  const bytes = io.offsets[channel] ?? 0;
  const lines = io
    .read(channel, Math.max(0, bytes - TAIL_BYTES), TAIL_BYTES)
    .toString()
    .split('\n');
  for (const line of lines.reverse()) {
    try {
      const value = JSON.parse(line) as unknown;
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    } catch {
      // Empty, or cut by a crash.
    }
  }
  return {};
}
