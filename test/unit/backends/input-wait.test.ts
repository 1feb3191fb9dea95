import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProcessBackend, createPtyBackend } from '../../../src/backends/process/index.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { terminal } from '../../../src/model/place.ts';
import type { BackendHandle } from '../../../src/model/ports/backend.ts';
import { StoringSink } from '../../contract/backend-probe.ts';
import { serviceAvailable } from '../../support/require.ts';

let root: string;
let handles: BackendHandle[];
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-input-')));
  mkdirSync(join(root, 'work'));
  handles = [];
});
afterEach(async () => {
  for (const handle of handles) {
    await handle.kill({ requestedBy: 'test', reason: null, signal: 'SIGKILL', graceMs: 0 });
    await handle.closed;
  }
  rmSync(root, { recursive: true, force: true });
});

/** Starts a command, waits until it says `up`, and returns how to ask whether it waits for input. */
async function start(command: string, o: { tty?: boolean; stdin?: boolean } = {}) {
  const process = createProcessBackend({ folder: join(root, 'spool'), clock: systemClock, logger: silentLogger });
  const backend = o.tty ? createPtyBackend(process) : process;
  const sink = new StoringSink();
  const spec = {
    command,
    cwd: join(root, 'work'),
    env: {},
    stdin: o.stdin ?? true,
    ...(o.tty ? { tty: terminal.parse({}) } : {}),
  };
  const handle = await backend.start({ producerId: `p${handles.length}`, spec }, sink);
  handles.push(handle);
  await vi.waitUntil(() => sink.text(1).includes('up'), { timeout: 10_000, interval: 5 });
  return {
    handle,
    asks: (wanted: boolean | null) =>
      vi.waitUntil(async () => (await handle.waitsForInput?.()) === wanted, { timeout: 10_000, interval: 5 }),
  };
}

/** True for as long as it is looked at: what is going to sleep may be seen before it does. */
async function staysQuiet(handle: BackendHandle): Promise<boolean> {
  for (let i = 0; i < 40; i++) {
    if ((await handle.waitsForInput?.()) !== false) return false;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return true;
}

const NODE = JSON.stringify(process.execPath);

describe('{#waiting_for_input} a command that waits for input', () => {
  it.each([
    ['a read of the shell', 'echo up; read -r x; echo "$x"'],
    ['a child', 'echo up; head -n 1 > /dev/null'],
    ['the head of a pipe', 'echo up; cat | tr a b', 'until its input ends'],
    ['a program that polls', `${NODE} -e 'console.log("up"); process.stdin.once("data", () => process.exit(0))'`],
  ])('is seen: %s', async (_name, command, reads = 'a line') => {
    const { handle, asks } = await start(command);
    await asks(true);
    await handle.write(Buffer.from('x\n'));
    if (reads !== 'a line') await handle.closeInput();
    await handle.exited;
    expect(await handle.waitsForInput?.()).toBe(false);
  });

  it.each([
    ['a sleep', 'echo up; sleep 60', true],
    ['a sleep without stdin', 'echo up; sleep 60', false],
    ['a reader of a pipe whose writer works', 'echo up; { sleep 60; echo x; } | cat', true],
    ['a reader of a FIFO of its own', 'mkfifo f; echo up; read x < f', true],
    ['a server', `${NODE} -e 'require("net").createServer().listen(0, "127.0.0.1", () => console.log("up"))'`, true],
    [
      'a server that also reads',
      `${NODE} -e 'process.stdin.resume(); require("net").createServer().listen(0, "127.0.0.1", () => console.log("up"))'`,
      true,
    ],
    ['one that works', 'echo up; while :; do :; done', true],
  ])('is not %s', async (_name, command, stdin) => {
    const { handle } = await start(command, { stdin });
    expect(await staysQuiet(handle)).toBe(true);
  });

  describe.skipIf(!serviceAvailable('script'))('in a terminal', () => {
    it.each([
      ['a read of the terminal', 'echo up; read -r x'],
      ['a prompt on /dev/tty of one with another input', 'echo up; read -r x < /dev/tty > /dev/null'],
      ['a prompt for a password', 'echo up; stty -echo; read -r x'],
    ])('is seen: %s', async (_name, command) => {
      const { asks } = await start(command, { tty: true });
      await asks(true);
    });

    it('is seen at its terminal also when its input is empty', async () => {
      const { asks } = await start('echo up; read -r x < /dev/tty', { tty: true, stdin: false });
      await asks(true);
    });

    it('is not a sleep', async () => {
      const { handle } = await start('echo up; sleep 60', { tty: true });
      expect(await staysQuiet(handle)).toBe(true);
    });
  });
});
