import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { forwardInput } from '../../../src/cli/stdin.ts';
import { HeadgateError, NOT_YET } from '../../../src/core/errors.ts';
import { ConnectionClosed, type Runtime } from '../../../src/rpc/client/index.ts';

interface Write {
  readonly chunk?: string;
  readonly eof?: boolean;
}

/** A command that is given input: each write is dealt with by the next of `turns`, then taken whole. What it has got, with `$` for the end. */
function command(...turns: (number | Error)[]): { session: Runtime; got: () => string } {
  let got = '';
  const take = ({ chunk = '', eof }: Write): { bytes: number } => {
    const turn = turns.shift() ?? Number.POSITIVE_INFINITY;
    if (turn instanceof Error) throw turn;
    const bytes = Buffer.from(chunk, 'base64').subarray(0, turn);
    got += bytes.toString() + (eof ? '$' : '');
    return { bytes: bytes.length };
  };
  const session = { call: (_: string, params: Write) => Promise.resolve().then(() => take(params)) };
  return { session: session as unknown as Runtime, got: () => got };
}

const forward = (session: Runtime, ...pieces: string[]) =>
  forwardInput(
    Readable.from(pieces.map((piece) => Buffer.from(piece))),
    session,
    { run: 'r', path: 'log://x', end: 'with-end' },
    new AbortController().signal,
  );

const conflict = (facts: Record<string, unknown>) => new HeadgateError('conflict', 'not now', facts);

describe('{#cli_sh} {#stdin} standard input on its way to a command', () => {
  it.each<[string, (number | Error)[]]>([
    ['takes a little at a time, or nothing', [2, 0, 1]],
    ['cannot take any yet', [conflict({ ...NOT_YET, retry_after_ms: 1 })]],
    ['is on a runner that is away', [1, conflict({ runner: 'far' })]],
    ['is of a server that has too much to do', [new HeadgateError('overloaded', 'too much', { retry_after_ms: 1 })]],
  ])('comes whole, once and in order to one that %s', async (_, turns) => {
    const { session, got } = command(...turns);
    await forward(session, 'one ', 'two ', 'three');
    expect(got()).toBe('one two three$');
  });

  it.each([new ConnectionClosed('gone'), conflict({ runner: 'far', unanswered: true })])(
    'is not sent again when the answer to a write was lost: %s',
    async (lost) => {
      const { session, got } = command(3, lost);
      await expect(forward(session, 'never twice', 'and what follows')).rejects.toThrow('has got 3 bytes of it, and the next 8 may');
      expect(got()).toBe('nev');
    },
  );

  it('is ended again when the answer to that was lost', async () => {
    const { session, got } = command(3, new ConnectionClosed('gone'));
    await forward(session, 'all');
    expect(got()).toBe('all$');
  });

  it('ends quietly with the command, and tells any other error', async () => {
    const { session, got } = command(1, conflict({}));
    await forward(session, 'rest');
    expect(got()).toBe('r');
    await expect(forward(command(new HeadgateError('internal', 'a fault')).session, 'x')).rejects.toThrow('a fault');
  });
});
