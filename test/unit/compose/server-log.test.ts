import { describe, expect, it } from 'vitest';
import { serverLog } from '../../../src/compose/server-log.ts';

describe('{#server_log} the log of the server', () => {
  it.each(['ENOSPC', 'EPIPE', 'EIO', 'EAGAIN', 'EBADF'])(
    'loses and counts lines while writing fails with %s, and throws nothing',
    (code) => {
      let written = '';
      let failing = false;
      const log = serverLog('info', (bytes) => {
        if (failing) throw Object.assign(new Error(code), { code });
        const some = bytes.subarray(0, 7);
        written += some.toString();
        return some.length;
      });
      log.info({}, 'first');
      failing = true;
      log.info({}, 'second');
      log.info({}, 'third');
      failing = false;
      log.info({}, 'fourth');
      const lines = written
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { msg: string; lost?: number });
      expect(lines.map(({ msg, lost }) => lost ?? msg)).toEqual(['first', 2, 'fourth']);
    },
  );

  it('begins again behind a line of which only a part could be written', () => {
    let written = '';
    let room = 20;
    const log = serverLog('info', (bytes) => {
      if (room === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      const some = bytes.subarray(0, room);
      room -= some.length;
      written += some.toString();
      return some.length;
    });
    log.info({}, 'torn');
    room = 10_000;
    log.info({}, 'whole');
    const [torn, note, whole] = written.trim().split('\n');
    expect(torn).toHaveLength(20);
    expect(JSON.parse(note ?? '')).toMatchObject({ lost: 1 });
    expect(JSON.parse(whole ?? '')).toMatchObject({ msg: 'whole' });
  });
});
