import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { forwardInput } from '../../../src/cli/stdin.ts';
import { type ErrorFacts, type ErrorName, HeadgateError, NOT_YET } from '../../../src/core/errors.ts';
import { ConnectionClosed, RpcError, type Runtime } from '../../../src/rpc/client/index.ts';

interface Write {
  readonly chunk?: string;
  readonly offset?: number;
  readonly eof?: boolean;
}

/** The answer to a write that was done is lost. */
const LOST = new ConnectionClosed('gone');

/** A command that is given input: each write is dealt with by the next of `turns`, then taken whole. What it has got, with `$` for the end. */
function command(...turns: (number | Error)[]): { session: Runtime; got: () => string } {
  let got = '';
  let repeated = 0;
  const take = ({ chunk = '', eof, offset }: Write): { bytes: number } => {
    const turn = turns.shift() ?? Number.POSITIVE_INFINITY;
    if (typeof turn !== 'number' && turn !== LOST) throw turn;
    if (repeated > 0 && offset === got.length - repeated) return { bytes: repeated };
    if (typeof turn !== 'number') {
      const bytes = Buffer.from(chunk, 'base64');
      got += bytes.toString() + (eof ? '$' : '');
      repeated = bytes.length;
      throw turn;
    }
    repeated = 0;
    if (offset !== undefined && offset !== got.length) throw refusal('offset_conflict', { expected: got.length });
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

const refusal = (kind: ErrorName, facts: ErrorFacts = {}) => new RpcError(new HeadgateError(kind, 'not now', facts));
const conflict = (facts: ErrorFacts) => refusal('conflict', facts);

describe('{#cli_sh} {#stdin} standard input on its way to a command', () => {
  it.each<[string, (number | Error)[]]>([
    ['takes a little at a time, or nothing', [2, 0, 1]],
    ['cannot take any yet', [conflict({ ...NOT_YET, retry_after_ms: 1 })]],
    ['is on a runner that is away', [1, conflict({ runner: 'far' })]],
    ['is of a server that has too much to do', [refusal('overloaded', { retry_after_ms: 1 })]],
  ])('comes whole, once and in order to one that %s', async (_, turns) => {
    const { session, got } = command(...turns);
    await forward(session, 'one ', 'two ', 'three');
    expect(got()).toBe('one two three$');
  });

  it('{#input_offset} is sent again, and taken once, when the answer to a write was lost', async () => {
    const { session, got } = command(3, LOST, LOST);
    await forward(session, 'once only', ' and what follows');
    expect(got()).toBe('once only and what follows$');
  });

  it.each([
    ['another client wrote as well', LOST, refusal('offset_conflict', { expected: 40 })],
    ['what wrote it was killed', 3, conflict({ unanswered: true, position: 'unknown' })],
  ])('{#input_offset} ends with an error when an answer was lost and %s', async (_, first, then) => {
    const { session } = command(first, then);
    await expect(forward(session, 'perhaps')).rejects.toThrow(/has got \d bytes of it, and the next \d may have come or not/);
  });

  it('{#input_offset} goes on behind what another client wrote', async () => {
    const { session, got } = command(refusal('offset_conflict', { expected: 0 }));
    await forward(session, 'after that');
    expect(got()).toBe('after that$');
  });

  it('is ended again when the answer to that was lost', async () => {
    const { session, got } = command(3, LOST);
    await forward(session, 'all');
    expect(got()).toBe('all$$');
  });

  it('ends quietly with the command, and tells any other error', async () => {
    const { session, got } = command(1, conflict({}));
    await forward(session, 'rest');
    expect(got()).toBe('r');
    await expect(forward(command(refusal('internal')).session, 'x')).rejects.toThrow('not now');
  });
});
