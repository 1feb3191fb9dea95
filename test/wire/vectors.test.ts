import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isHeadgateError } from '../../src/core/errors.ts';
import { CARRIAGE_HEADER_BYTES, readCarriageHeader, writeCarriageHeader } from '../../src/rpc/protocol/carriage.ts';
import { ttyCommand, ttyNews } from '../../src/rpc/protocol/tty.ts';
import { TtyDecoder, type TtySender, ttyChunk, ttyControl } from '../../src/rpc/protocol/tty-frames.ts';

interface Vector<Means> {
  name: string;
  hex: string | string[];
  means?: Means;
  error?: { name?: string; reason: string };
  decode_only?: boolean;
}
type Piece = { stdin: string } | { stdout: string } | { stderr: string } | { control: { type: string } };

function vectors<Means>(file: string): Vector<Means>[] {
  return (JSON.parse(readFileSync(new URL(`vectors/${file}.json`, import.meta.url), 'utf8')) as { vectors: Vector<Means>[] }).vectors;
}

/** What a decoder makes of these messages and the end of the connection: pieces, joined, and how it refused. */
function decoded(from: TtySender, messages: readonly string[]): { means: Piece[]; error?: object } {
  const decoder = new TtyDecoder(from);
  const means: Piece[] = [];
  try {
    for (const message of messages) {
      for (const piece of decoder.push(Buffer.from(message, 'hex'))) {
        if (piece.stream === 'control') means.push({ control: piece.control });
        else join(means, piece.stream, Buffer.from(piece.bytes).toString('hex'));
      }
    }
    decoder.end();
    return { means };
  } catch (error) {
    if (!isHeadgateError(error)) throw error;
    return { means, error: { name: error.kind, reason: error.facts['reason'] } };
  }
}

function join(means: Piece[], stream: string, hex: string): void {
  const last = means.at(-1) as Record<string, string> | undefined;
  if (last && stream in last) last[stream] += hex;
  else means.push({ [stream]: hex } as Piece);
}

function encoded(pieces: readonly Piece[]): string {
  const chunks = pieces.map((piece) => {
    if ('control' in piece) return ttyControl(piece.control);
    const [stream = '', hex = ''] = Object.entries(piece)[0] as [string, string];
    return ttyChunk(stream as 'stdin', Buffer.from(hex, 'hex'));
  });
  return Buffer.concat(chunks).toString('hex');
}

describe.each(['client', 'server'] as const)('{#tty_frames} {#vectors} chunks of a %s', (from) => {
  it.each(vectors<Piece[]>(`tty-${from}`))('$name', ({ hex, means, error, decode_only }) => {
    expect(decoded(from, [hex].flat())).toEqual({ means: means ?? [], ...(error ? { error } : {}) });
    if (error === undefined && !decode_only) expect(encoded(means ?? [])).toBe(hex);
  });

  it('of control in the vectors fit the schemas that the server goes by', () => {
    const schema = from === 'client' ? ttyCommand : ttyNews;
    for (const { means, error } of vectors<Piece[]>(`tty-${from}`)) {
      for (const piece of means ?? []) if ('control' in piece && !error) expect(schema.safeParse(piece.control).error).toBeUndefined();
    }
  });

  it('cut into messages anyhow mean the same', () => {
    for (const { name, hex, means, error } of vectors<Piece[]>(`tty-${from}`)) {
      const whole = [hex].flat().join('');
      for (let at = 0; at <= whole.length; at += 2) {
        expect(decoded(from, [whole.slice(0, at), whole.slice(at)]), `${name}, cut at ${at / 2}`).toEqual({
          means: means ?? [],
          ...(error ? { error } : {}),
        });
      }
    }
  });
});

describe('{#raw_carriage} {#vectors} frames of subscribers and runners', () => {
  it.each(vectors<{ handle: number; channel: number; offset: number; bytes: string }>('frames'))('$name', ({ hex, means, error }) => {
    const frame = Buffer.from(hex as string, 'hex');
    if (error) {
      expect(() => readCarriageHeader(frame)).toThrow(error.reason === 'offset' ? /beyond 2\^53/ : /at least 13 bytes/);
      return;
    }
    const { bytes, ...header } = means as { handle: number; channel: number; offset: number; bytes: string };
    expect(readCarriageHeader(frame)).toEqual(header);
    expect(frame.subarray(CARRIAGE_HEADER_BYTES).toString('hex')).toBe(bytes);
    const written = Buffer.concat([Buffer.alloc(CARRIAGE_HEADER_BYTES), Buffer.from(bytes, 'hex')]);
    writeCarriageHeader(written, 0, header);
    expect(written.toString('hex')).toBe(hex);
  });
});
