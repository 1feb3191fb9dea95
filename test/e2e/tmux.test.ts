import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAll, type WireClient } from '../support/built-server.ts';
import { ended, follow, liveServer, type Place, receiptOf, stored } from '../support/live-server.ts';
import { serviceAvailable } from '../support/require.ts';

describe.skipIf(!serviceAvailable('tmux'))('{#backend_tmux} a server and tmux', () => {
  const live = liveServer();
  let folder: string;
  let socket: string;

  beforeAll(() => {
    // Short: the path of a socket has at most 107 bytes.
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-tmux-')));
    socket = join(folder, 's');
  });

  afterAll(() => {
    spawnSync('tmux', ['-S', socket, 'kill-server']);
    rmSync(folder, { recursive: true, force: true });
  });

  const tmux = (...args: string[]) => spawnSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' });

  async function accepted(client: WireClient, params: Record<string, unknown>): Promise<Place> {
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await client.call<{ path: string }>('sh', { run, ...params });
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    return { run, path };
  }

  it('killed with -9 while a command in tmux writes: the command goes on, every byte is there once, and nothing is left behind', async () => {
    const client = await live.client();
    const command = `stty -opost < /dev/tty; seq 1 50000; until [ -e ${folder}/go ]; do sleep 0.02; done; seq 50001 100000; exit 6`;
    const place = await accepted(client, { command, tmux: { socket } });
    await stored(client, place, 1);
    await live.crashAndStart();
    writeFileSync(join(folder, 'go'), '');
    const next = await live.client();
    expect(await ended(next, place)).toMatchObject({ status: 500, outcome: 'exit:6' });
    expect(
      (await readAll(next, place.run, place.path, 1)).toString() === Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join(''),
    ).toBe(true);
    await vi.waitUntil(() => tmux('list-sessions').status !== 0 && live.folders().length === 0, { timeout: 10_000, interval: 20 });
  }, 60_000);

  it('takes input, size and signals of a command in tmux, and its output is text for those who ask for text', async () => {
    const client = await live.client();
    // A signal ends the `read` that it comes into.
    const command = 'printf "\\033[31mup\\033[0m\\n"; trap "stty size" WINCH; while :; do read line && echo "got $line"; done';
    const place = await accepted(client, { command, tmux: { socket }, stdin: true });
    await stored(client, place, 10);
    await client.call('stream/input', { ...place, chunk: 'hello\n' });
    await follow(client, place, { channel: 1, format: 'text' });
    const read = () =>
      client.notices
        .filter(({ method }) => method === 'stream/chunk')
        .map(({ params }) => String(params['chunk']))
        .join('');
    await vi.waitUntil(() => read().includes('got hello'), { timeout: 10_000, interval: 20 });
    expect(read()).toMatch(/^up\r?\n/);
    expect((await readAll(client, place.run, place.path, 1)).toString()).toMatch(/^\u001b\[31mup\u001b\[0m\r\n/);
    await client.call('stream/resize', { ...place, cols: 101, rows: 33 });
    await client.call('stream/input', { ...place, chunk: '\n' });
    await vi.waitUntil(() => read().includes('33 101'), { timeout: 10_000, interval: 20 });
    await client.call('stream/cancel', { ...place, grace_ms: 500 });
    expect(await receiptOf(client, place)).toMatchObject({ escaped: [] });
    expect(await ended(client, place)).toMatchObject({ status: 499 });
    await vi.waitUntil(() => tmux('list-sessions').status !== 0, { timeout: 10_000, interval: 20 });
  }, 60_000);

  it('watches a pane that is there, without a command, and a cancel leaves it alone', async () => {
    const pane = tmux(
      'new-session',
      '-d',
      '-P',
      '-F',
      '#{pane_id}',
      '-s',
      'theirs',
      'while :; do echo tick; sleep 0.02; done',
    ).stdout.trim();
    const client = await live.client();
    const place = await accepted(client, { tmux: { socket, pane } });
    await stored(client, place, 100);
    const second = await accepted(client, { tmux: { socket, pane } });
    expect(await ended(client, second)).toMatchObject({ outcome: 'pane_piped' });
    await client.call('stream/cancel', { ...place });
    expect(await receiptOf(client, place)).toMatchObject({ signals: [], escaped: [] });
    expect(tmux('list-panes', '-a', '-F', '#{pane_id} #{pane_pipe}').stdout).toBe(`${pane} 0\n`);
    expect((await readAll(client, place.run, place.path, 1)).toString()).toMatch(/^(tick\r\n)+/);
  }, 60_000);
});
