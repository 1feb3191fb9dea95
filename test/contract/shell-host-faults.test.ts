import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RemoteProducers } from '../../src/backends/remote/remote-producers.ts';
import { systemClock } from '../../src/core/clock.ts';
import { HeadgateError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { LocalHost } from '../support/local-host.ts';
import { KILL } from './backend-kill.contract.ts';
import { StoringSink } from './backend-probe.ts';

describe('{#shell_hosts} a link that is cut', () => {
  let root: string;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-cut-')));
    mkdirSync(join(root, 'state'));
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const producers = () =>
    new RemoteProducers({
      root: join(root, 'state'),
      runner: () => 'test-runner',
      clock: systemClock,
      logger: silentLogger,
      detachedGraceMs: 300,
    });
  const spec = { cwd: '', env: {}, stdin: false };

  test.each([3, 400, 20_000])('at random bytes, at most %i of a run: every byte arrives once, and the command runs once', async (most) => {
    // Pauses grow while nothing at all comes through.
    const enough = most < 10 ? 5 : 12;
    const host: LocalHost = new LocalHost({
      cwd: root,
      cutAfter: () => (host.cuts < enough ? 1 + Math.floor(Math.random() * most) : undefined),
    });
    const sink = new StoringSink();
    // Longer than what the longest runs bring.
    const count = most < 10_000 ? 400 : 8000;
    const command = `echo ran >> runs; i=0; while [ $i -lt ${count} ]; do echo line $i; echo error $i >&2; i=$((i+1)); done; exit 5`;
    const handle = await producers().start(host, { producerId: 'cut', spec: { ...spec, command } }, {}, sink);
    expect((await handle.exited).exitCode).toBe(5);
    await handle.closed;
    expect(host.cuts).toBeGreaterThan(1);
    const lines = (word: string) => Array.from({ length: count }, (_, i) => `${word} ${i}\n`).join('');
    expect([sink.text(1), sink.text(2), sink.repeated]).toEqual([lines('line'), lines('error'), 0]);
    const again = new StoringSink();
    const look = await producers().start(
      new LocalHost({ cwd: root }),
      { producerId: 'look', spec: { ...spec, command: 'cat runs' } },
      {},
      again,
    );
    await look.closed;
    expect(again.text(1)).toBe('ran\n');
    await look.dispose();
    await handle.dispose();
    await host.close();
    expect(readdirSync(join(root, 'state'))).toEqual([]);
  });

  test('in the middle of a kill: it is carried out, and the receipt tells all of it', async () => {
    let cutting = false;
    const host = new LocalHost({ cwd: root, cutAfter: () => (cutting ? 60 : undefined) });
    const sink = new StoringSink();
    const handle = await producers().start(host, { producerId: 'kill', spec: { ...spec, command: 'echo $$; exec sleep 300' } }, {}, sink);
    const [pid] = await sink.match(1, /\d+/);
    cutting = true;
    const killed = handle.kill(KILL);
    await handle.exited;
    cutting = false;
    const receipt = await killed;
    expect(receipt.signals.map(({ signal }) => signal)).toContain('SIGTERM');
    expect(receipt.confirmedDead).toContain(Number(pid));
    expect((await handle.exited).signal).toBe('SIGTERM');
    await handle.closed;
    await handle.dispose();
    await host.close();
  });

  test('words of the start-up files of a login shell are no output', async () => {
    const host = new LocalHost({ cwd: root, shell: ['sh', '-c', 'echo welcome; echo beware >&2; exec sh "$@"', 'sh'] });
    const sink = new StoringSink();
    const handle = await producers().start(host, { producerId: 'motd', spec: { ...spec, command: 'echo out; echo err >&2' } }, {}, sink);
    await handle.closed;
    expect([sink.text(1), sink.text(2)]).toEqual(['out\n', 'err\n']);
    await handle.dispose();
    await host.close();
  });

  test('a place that is gone for good: its commands are lost, and nobody waits for them', async () => {
    const gone = { name: 'container web', run: () => Promise.reject(new HeadgateError('not_found', 'it is gone', { gone: true })) };
    const handle = producers().adopt(
      gone,
      { producerId: 'gone', spec: { ...spec, command: 'true' } },
      {},
      new Map([[1, 5]]),
      new StoringSink(),
    );
    expect(await handle.exited).toEqual({ exitCode: null, signal: null });
    expect(await handle.closed).toEqual({ detached: [] });
    expect(await handle.kill(KILL)).toMatchObject({ signals: [], escaped: [] });
  });
});
