import { describe, expect, it } from 'vitest';
import { readCarriageHeader } from '../../../src/rpc/protocol/carriage.ts';
import { RemoteLink } from '../../../src/runner/remote/remote-link.ts';

const MIB = 1024 * 1024;

/** A link over a connection that remembers what it is given. */
function opened(): { link: RemoteLink; frames: { handle: number; offset: number }[] } {
  const frames: { handle: number; offset: number }[] = [];
  const connection = { call: () => Promise.resolve(), sendFrame: (frame: Buffer) => void frames.push(readCarriageHeader(frame)) };
  const link = new RemoteLink(connection);
  link.open(1, 'p1-a', 11);
  link.open(2, 'p2-a', 12);
  return { link, frames };
}

describe('{#runner_output} the output of a runner on its way', () => {
  it('is 4 MiB over all producers at most; the rest follows in order as it is acknowledged or refused', async () => {
    const { link, frames } = opened();
    const first = link.append(1, 1, 1, 0, Buffer.alloc(3 * MIB));
    const second = link.append(2, 1, 1, 0, Buffer.alloc(3 * MIB));
    const refused = second.catch((error: unknown) => error);
    expect(frames.map(({ handle, offset }) => [handle, offset / MIB])).toEqual([
      [11, 0],
      [11, 1],
      [11, 2],
      [12, 0],
    ]);
    link.acked({ handle: 11, channel: 1, offset: 2 * MIB });
    expect(frames.slice(4)).toMatchObject([{ offset: MIB }, { offset: 2 * MIB }]);
    link.nacked({ handle: 12, channel: 1, offset: 0, error: { name: 'overloaded', message: 'no', data: {} } });
    link.append(1, 1, 1, 3 * MIB, Buffer.alloc(MIB)).catch(() => {});
    expect(frames.slice(6)).toMatchObject([{ handle: 11, offset: 3 * MIB }]);
    link.acked({ handle: 11, channel: 1, offset: 4 * MIB });
    link.acked({ handle: 12, channel: 1, offset: 3 * MIB });
    await first;
    expect(await refused).toMatchObject({ kind: 'overloaded' });
  });

  it('is refused with the rest that waits when the connection ends', async () => {
    const { link, frames } = opened();
    const all = Promise.allSettled([link.append(1, 1, 1, 0, Buffer.alloc(4 * MIB)), link.append(2, 1, 1, 0, Buffer.alloc(MIB))]);
    expect(frames).toHaveLength(4);
    link.fail();
    expect((await all).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(frames).toHaveLength(4);
  });
});
