import { describe, expect, it } from 'vitest';
import { PendingHandle } from '../../../src/backends/container/image/pending-handle.ts';
import type { ProgressChannel } from '../../../src/backends/container/image/progress-channel.ts';
import { systemClock } from '../../../src/core/clock.ts';

describe('{#stdin} a command whose image is being pulled', () => {
  it('takes no input yet, and says when to try again', async () => {
    const handle = new PendingHandle({
      ref: { backend: 'container' },
      begin: () => new Promise(() => {}),
      bar: () => {},
      remove: () => Promise.resolve(),
      progress: {} as ProgressChannel,
      clock: systemClock,
    });
    const notYet = { kind: 'conflict', data: { retry_after_ms: expect.any(Number) } };
    await expect(handle.write(Buffer.from('x'))).rejects.toMatchObject(notYet);
    await expect(handle.closeInput()).rejects.toMatchObject(notYet);
  });
});
