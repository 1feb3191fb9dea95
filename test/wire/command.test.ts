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
