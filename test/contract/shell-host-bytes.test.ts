import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RemoteProducers } from '../../src/backends/remote/remote-producers.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { LocalHost, type LocalHostOptions, onlyBusybox } from '../support/local-host.ts';
import { serviceAvailable } from '../support/require.ts';
import { StoringSink } from './backend-probe.ts';

/**
 * Writes pieces of awkward sizes and bytes to both outputs, now and then with a pause, and keeps what it wrote: NULs,
 * lines and parts of lines, bytes that are no text, around the 512 bytes that a shell reads at once.
 */
const WRITER = `
const fs = require('node:fs');
const [folder, seed] = process.argv.slice(2);
let state = Number(seed);
const next = (n) => (state = (state * 1103515245 + 12345) & 0x7fffffff) % n;
const sizes = [1, 2, 5, 20, 100, 510, 511, 512, 513, 1023, 1024, 5000];
const kinds = [
  () => [0, 10, 97][next(3)],
  () => 97 + next(20),
  () => next(256),
  () => (next(40) ? 97 : 0),
  (at) => [0xc3, 0xa9][at % 2],
  (at, size) => (at === size - 1 ? 10 : 97),
];
const written = [[], []];
let left = 150;
(function step() {
  if (left-- === 0) return written.forEach((all, index) => fs.writeFileSync(folder + '/written.' + (index + 1), Buffer.concat(all)));
  const size = sizes[next(sizes.length)];
  const kind = kinds[next(kinds.length)];
  const bytes = Buffer.from(Array.from({ length: size }, (_, at) => kind(at, size)));
  const channel = 1 + next(2);
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(channel, bytes, at);
  written[channel - 1].push(bytes);
  setTimeout(step, next(4) ? 0 : next(4));
})();
`;

describe('{#shell_hosts} on a host without a tail that is woken', () => {
  let root: string;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-bytes-')));
    mkdirSync(join(root, 'state'));
    writeFileSync(join(root, 'writer.cjs'), WRITER);
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const places: { readonly shell: string; readonly options: (root: string) => LocalHostOptions }[] = [
    { shell: 'busybox', options: onlyBusybox },
    { shell: 'bash', options: (folder) => ({ ...onlyBusybox(folder), shell: ['/bin/bash'] }) },
    { shell: 'dash', options: (folder) => ({ ...onlyBusybox(folder), shell: ['/bin/dash'] }) },
  ];

  test.skipIf(!serviceAvailable('busybox')).each(places)('$shell hands over every byte as it was written', async ({ options }) => {
    const host = new LocalHost(options(root));
    const remote = { root: join(root, 'state'), runner: () => 'test-runner', clock: systemClock, logger: silentLogger };
    const producers = new RemoteProducers({ ...remote, detachedGraceMs: 300 });
    for (const seed of [1, 2, 3]) {
      const sink = new StoringSink();
      const command = `${process.execPath} ${root}/writer.cjs ${root} ${seed}`;
      const request = { producerId: `bytes-${seed}`, spec: { command, cwd: '', env: {}, stdin: false } };
      const handle = await producers.start(host, request, {}, sink);
      expect((await handle.exited).exitCode).toBe(0);
      await handle.closed;
      for (const channel of [1, 2]) {
        expect(sink.of(channel).equals(readFileSync(join(root, `written.${channel}`))), `channel ${channel} of ${seed}`).toBe(true);
      }
      expect(sink.repeated).toBe(0);
      await handle.dispose();
    }
    await host.close();
  });

  test.skipIf(!serviceAvailable('busybox')).each(places)('$shell names what is left behind among many variables', async ({ options }) => {
    const host = new LocalHost(options(root));
    const remote = { root: join(root, 'state'), runner: () => 'test-runner', clock: systemClock, logger: silentLogger };
    const producers = new RemoteProducers({ ...remote, detachedGraceMs: 300 });
    const env = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`VARIABLE_${index}`, `value ${index}`]));
    const command = `/usr/bin/setsid /usr/bin/sleep 300 & until read -r stat < /proc/$!/stat && set -- $stat && [ "$6" = "$!" ]; do :; done`;
    const handle = await producers.start(
      host,
      { producerId: 'left', spec: { command, cwd: '', env, stdin: false } },
      {},
      new StoringSink(),
    );
    const { detached } = await handle.closed;
    for (const pid of detached) process.kill(pid, 'SIGKILL');
    expect(detached).toHaveLength(1);
    await handle.dispose();
    await host.close();
  });
});
