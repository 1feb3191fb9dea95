import type { ProducerIo } from '../../hooks/producer.ts';

/** Where in which file the bytes of channel 1 come from, from byte `output` of the channel on; a line of channel 2. */
export interface Mark {
  readonly type: 'follow';
  /** Device and inode. */
  readonly file: string;
  /** Byte of the file that became byte `output` of channel 1. */
  readonly at: number;
  readonly output: number;
  readonly why: string;
}

const TAIL_BYTES = 1024 * 1024;

/** The last mark that an earlier server has written; undefined when there is none. */
export function lastMark(io: ProducerIo): Mark | undefined {
  const bytes = io.offsets[2] ?? 0;
  const text = io.read(2, Math.max(0, bytes - TAIL_BYTES), TAIL_BYTES).toString();
  // What stands after the last line end was not written whole.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  for (const line of lines.reverse()) {
    const mark = parse(line);
    if (mark) return mark;
  }
  return undefined;
}

function parse(line: string): Mark | undefined {
  try {
    const value = JSON.parse(line) as Partial<Mark> | null;
    return value?.type === 'follow' && typeof value.file === 'string' && typeof value.at === 'number' && typeof value.output === 'number'
      ? (value as Mark)
      : undefined;
  } catch {
    return undefined;
  }
}
