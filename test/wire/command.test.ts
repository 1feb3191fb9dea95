import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WireClient } from '../support/built-server.ts';
import { startHeadgate } from '../support/server.ts';

let headgate: Awaited<ReturnType<typeof startHeadgate>>;
let wire: WireClient;
beforeEach(async () => {
  headgate = await startHeadgate();
  wire = await headgate.connect();
  await wire.call('startRun', { model: 'scripted', alias: 'r', yolo: true });
});
afterEach(async () => {
  await wire.close();
  await headgate.close();
});

interface Ended {
  readonly path: string;
  readonly status: number;
  readonly channels: readonly { readonly path: string }[];
}

/** Runs a command to its end: how that was, and both outputs. */
async function ran(params: object): Promise<{ status: number; exit: unknown; out: string; err: string }> {
  const { path, channels } = await wire.call<Ended>('sh', { run: 'r', stdin: false, yield_ms: 60_000, ...params });
  const entry = await wire.call<{ status: number; attributes: Record<string, unknown> }>('get', { run: 'r', path });
  const [out = '', err = ''] = await Promise.all(
    channels.map(async (channel) => (await wire.call<{ body: string }>('get', { run: 'r', path: channel.path })).body),
  );
  return { status: entry.status, exit: entry.attributes['exit_code'], out, err };
}

describe('{#backend_process} {#places} a command through a server', () => {
  it('as an array is passed on byte for byte', async () => {
    const words = [
      'a b',
      "it's",
      '"',
      '$HOME',
      '*',
      '~',
      '\\',
      '\n',
      'two\nlines\n',
      '',
      '-n',
      '`id`',
      ';',
      '&',
      '#',
      'é✓',
      '\u0001',
      '{a,b}',
      '!',
    ];
    const { out, err, status } = await ran({ command: ['printf', '%s\\0', ...words] });
    expect({ words: out.split('\0').slice(0, -1), err, status }).toEqual({ words, err: '', status: 200 });
    const [shown] = (await wire.call<{ command: string }[]>('stream/list', { run: 'r' })).map(({ command }) => command);
    expect(shown).toMatch(/^printf '%s\\0' 'a b' 'it'\\''s' '"' '\$HOME' /);
  });

  it('as an array names a program, which no shell stands before', async () => {
    await expect(ran({ command: ['cd', '/'] })).resolves.toMatchObject({ status: 500, exit: 127, out: '' });
    expect(await ran({ command: ['sh', '-c', 'echo $0 $1', 'name', 'a  b'] })).toMatchObject({ out: 'name a b\n', status: 200 });
    expect(await ran({ command: ['no-such-program'] })).toMatchObject({
      exit: 127,
      out: '',
      err: expect.stringMatching(/no-such-program/),
    });
    expect(await ran({ command: ['/etc/passwd'] })).toMatchObject({ exit: 126, out: '', err: expect.stringMatching(/passwd/) });
  });

  it('is read by the shell that was asked for', async () => {
    const line = 'words=(a "b c"); [[ b == b* ]] && printf "<%s>" "${words[@]}" ${BASH_VERSION:+bash}';
    expect(await ran({ command: line, shell: 'bash' })).toMatchObject({ out: '<a><b c><bash>', status: 200 });
    expect(await ran({ command: 'shopt -q login_shell && echo login', shell: 'login', env: { SHELL: '/bin/bash' } })).toMatchObject({
      out: 'login\n',
    });
    expect(await ran({ command: 'echo "${BASH_VERSION-none}"' })).toMatchObject({ out: 'none\n' });
    const none = await ran({ command: 'true', shell: 'bash', env: { PATH: '/nowhere' } });
    expect(none).toMatchObject({ status: 500, exit: 127, err: expect.stringMatching(/^headgate: shell_missing: there is no bash here/) });
  });

  it('that is one program is that program: a signal reaches it, and its exit code is its own', async () => {
    const code =
      'import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print("last words"), sys.exit(7))); print("up", flush=True); signal.pause()';
    for (const command of [`python3 -c '${code}' *.none 2>&1`, ['python3', '-c', code]]) {
      const { path } = await wire.call<Ended>('sh', { run: 'r', command, stdin: false, yield_ms: 0 });
      const [out = ''] = (await wire.call<{ path: string; channels: { path: string }[] }[]>('stream/list', { run: 'r' }))
        .filter((one) => one.path === path)
        .flatMap(({ channels }) => channels.map((channel) => channel.path));
      await expect
        .poll(async () => (await wire.call<{ body: string }>('get', { run: 'r', path: out })).body, { timeout: 20_000 })
        .toBe('up\n');
      await wire.call('stream/signal', { run: 'r', path, signal: 'TERM' });
      await expect.poll(async () => (await wire.call<{ status: number }>('get', { run: 'r', path })).status, { timeout: 20_000 }).toBe(500);
      const { attributes } = await wire.call<{ attributes: Record<string, unknown> }>('get', { run: 'r', path });
      expect(attributes).toMatchObject({ exit_code: 7 });
      expect((await wire.call<{ body: string }>('get', { run: 'r', path: out })).body).toBe('up\nlast words\n');
    }
  });

  it.each<[string, object, string, RegExp]>([
    ['an empty array', { command: [] }, 'command', /command: is empty; its first word is the program/],
    ['an empty name', { command: ['', 'a'] }, 'command.0', /command\.0: is the program and must not be empty/],
    ['a NUL byte', { command: ['ls', 'a\0'] }, 'command.1', /command\.1: contains a NUL character/],
    ['a NUL byte in a line', { command: 'ls \0' }, 'command', /command: contains a NUL character/],
    ['a number', { command: 7 }, 'command', /command: must be a command line, or an array of strings/],
    ['a word that is none', { command: ['ls', 7] }, 'command.1', /command\.1: /],
    ['a word that is too long', { command: ['ls', 'a'.repeat(131_072)] }, 'command.1', /command\.1: has more than 131071 bytes/],
    ['too much', { command: Array.from({ length: 9 }, () => 'a'.repeat(131_000)) }, 'command', /has more than 1048576 bytes in all/],
    ['a shell that there is not', { command: 'ls', shell: 'fish' }, 'shell', /shell: must be sh, bash or login/],
    ['an array with a shell', { command: ['ls'], shell: 'bash' }, 'shell', /an array is run without a shell; leave shell out/],
  ])('with %s is refused, and the field named', async (_, params, field, why) => {
    for (const method of ['sh', 'env']) {
      await expect(wire.call(method, { run: 'r', ...params })).rejects.toMatchObject({
        code: -32602,
        message: expect.stringMatching(why),
        data: { name: 'invalid_params', field },
      });
    }
  });

  it('is refused by a run that would have a shell that there is not', async () => {
    await expect(wire.call('startRun', { model: 'scripted', shell: 'fish' })).rejects.toMatchObject({ data: { field: 'shell' } });
    await expect(wire.call('run/config', { run: 'r', shell: '/bin/bash' })).rejects.toMatchObject({ data: { field: 'shell' } });
    expect(await wire.call('run/config', { run: 'r', shell: 'bash' })).toMatchObject({ settings: { shell: 'bash' } });
  });
});
