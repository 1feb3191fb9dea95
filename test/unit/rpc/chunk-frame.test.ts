import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { release, retain } from '../../../src/core/buffer-pool.ts';
import { sendChunk } from '../../../src/rpc/server/session/chunk-frame.ts';
import type { ChunkPiece } from '../../../src/stream/index.ts';

function piece(bytes: Buffer, offset = 0): ChunkPiece {
  return { run: 'r1', path: 'log://turn_1/sh/x', channel: 1, offset, bytes, at: 1_700_000_000_000, shared: false };
}

/** The messages of a piece for one subscription, copied as a connection takes them. */
function chunkFrames(subscription: number, one: ChunkPiece): Buffer[] {
  const frames: Buffer[] = [];
  sendChunk(subscription, one, (head, tail) => frames.push(Buffer.concat([head, tail])));
  return frames;
}

interface Message {
  jsonrpc: string;
  method: string;
  params: { subscription: number; offset: number; chunk: string; encoding: 'utf8' | 'base64' } & Record<string, unknown>;
}

/** What a client makes of the frames: valid UTF-8 text, parsed as JSON. */
function messages(frames: readonly Buffer[]): Message[] {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  return frames.map((frame) => JSON.parse(decoder.decode(frame)) as Message);
}

function bytesOf(frames: readonly Buffer[]): Buffer {
  return Buffer.concat(messages(frames).map(({ params }) => Buffer.from(params.chunk, params.encoding)));
}

describe('{#stream_chunk} frames of channel bytes', () => {
  it('give back exactly the bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(bytesOf(chunkFrames(7, piece(Buffer.from(bytes)))).equals(Buffer.from(bytes))).toBe(true);
      }),
    );
  });

  it('give back exactly the text, whatever characters and controls are in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), (text) => {
        const bytes = Buffer.from(text);
        const [message] = messages(chunkFrames(7, piece(bytes)));
        expect(message?.params.encoding).toBe('utf8');
        expect(message?.params.chunk).toBe(bytes.toString());
      }),
    );
  });

  it('carry every single byte from 0 to 255', () => {
    for (let byte = 0; byte < 256; byte++) {
      const bytes = Buffer.from([0x61, byte, 0x62]);
      expect(bytesOf(chunkFrames(1, piece(bytes))).equals(bytes), `byte ${byte}`).toBe(true);
    }
  });

  it('send text as utf8 and other bytes as base64', () => {
    expect(messages(chunkFrames(1, piece(Buffer.from('é "\\\n\u2028🙂'))))[0]?.params).toMatchObject({
      encoding: 'utf8',
      chunk: 'é "\\\n\u2028🙂',
    });
    expect(messages(chunkFrames(1, piece(Buffer.from([0xff, 0x00]))))[0]?.params).toMatchObject({ encoding: 'base64', chunk: '/wA=' });
  });

  it('deflate or per-client encoding eating the CPU: frames differ between subscribers in the id only, however many there are', () => {
    const shared = piece(Buffer.from('line\n'), 40);
    const ids = [3, 99_999_999, 4, 3];
    const parsed = ids.map((id) => messages(chunkFrames(id, shared))[0]);
    for (const [i, id] of ids.entries()) {
      expect(parsed[i]).toEqual({
        jsonrpc: '2.0',
        method: 'stream/chunk',
        params: {
          subscription: id,
          run: 'r1',
          path: 'log://turn_1/sh/x',
          channel: 1,
          offset: 40,
          chunk: 'line\n',
          encoding: 'utf8',
          at: 1_700_000_000_000,
        },
      });
    }
  });

  it('are encoded once for all who want them, and leave what a connection holds untouched', () => {
    const shared = { ...piece(Buffer.alloc(50_000, 'abc\n')), shared: true };
    const tails = new Set<Buffer>();
    for (const subscription of [1, 2, 3]) sendChunk(subscription, shared, (_, tail) => tails.add(tail));
    expect(tails.size).toBe(1);

    const held: Buffer[] = [];
    const one = piece(Buffer.alloc(50_000, 'x'));
    sendChunk(1, one, (_, tail) => {
      retain(tail);
      held.push(tail);
    });
    const before = Buffer.concat(held);
    for (let i = 0; i < 40; i++) chunkFrames(2, piece(Buffer.alloc(50_000, 'y')));
    expect(Buffer.concat(held).equals(before)).toBe(true);
    held.forEach(release);
  });

  it('cut a large piece between characters and number the parts by byte offset', () => {
    const bytes = Buffer.from('€🙂\u0001x'.repeat(120_000));
    const frames = chunkFrames(1, piece(bytes, 1000));
    expect(frames.length).toBeGreaterThan(1);
    let at = 1000;
    for (const { params } of messages(frames)) {
      expect(params.offset).toBe(at);
      expect(params.encoding).toBe('utf8');
      at += Buffer.byteLength(params.chunk);
    }
    expect(at).toBe(1000 + bytes.length);
    expect(bytesOf(frames).equals(bytes)).toBe(true);
    expect(Math.max(...frames.map((frame) => frame.length))).toBeLessThan(2 * 1024 * 1024);
  });
});
