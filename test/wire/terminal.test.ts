import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ResultOf } from '../../src/rpc/protocol/table.ts';
import { serviceAvailable } from '../support/require.ts';
import { startHeadgate } from '../support/server.ts';

const ESC = '\\033';

describe.skipIf(!serviceAvailable('script'))('{#terminals} {#screen} a terminal over the wire', () => {
  let headgate: Awaited<ReturnType<typeof startHeadgate>>;
  let client: Awaited<ReturnType<typeof headgate.connect>>;
  let run: string;
  beforeAll(async () => {
    headgate = await startHeadgate();
    client = await headgate.connect();
    ({ run } = await client.call<ResultOf<'startRun'>>('startRun', { model: 'scripted', alias: 'terminal' }));
  });
  afterAll(() => headgate.close());

  async function sh(params: Record<string, unknown>): Promise<string> {
    const { path } = await client.call<ResultOf<'sh'>>('sh', { run, ...params });
    const { channels } = await client.call<ResultOf<'run/resolve'>>('run/resolve', { run, resolution: { path, action: 'accept' } });
    expect(channels).toHaveLength(1);
    return path;
  }

  async function shows(path: string, what: RegExp): Promise<ResultOf<'stream/read'>> {
    let read: ResultOf<'stream/read'> | undefined;
    await expect
      .poll(async () => {
        read = await client.call<ResultOf<'stream/read'>>('stream/read', { run, path, channel: 1, format: 'screen' });
        return read.chunk;
      })
      .toMatch(what);
    return read as ResultOf<'stream/read'>;
  }

  test('{#backend_pty} the backend pty is a terminal, read as a screen, written to, resized and ended', async () => {
    const path = await sh({
      backend: 'pty',
      command: `printf 'old${ESC}[2J${ESC}[2;3Hdrawn${ESC}[1;31m red'; read line; stty size; exit 3`,
    });
    const screen = await shows(path, /drawn red/);
    expect(screen).toMatchObject({
      encoding: 'utf8',
      from: 0,
      screen: { cols: 80, rows: 24, cursor: { col: 11, row: 1 }, alternate: false },
    });
    expect(screen.to).toBe(screen.bytes);
    await client.call('stream/resize', { run, path, cols: 50, rows: 20 });
    await client.call('stream/input', { run, path, chunk: '\n' });
    const end = await shows(path, /20 50/);
    expect(end.screen).toMatchObject({ cols: 50, rows: 20 });
    const last = await client.call<ResultOf<'stream/read'>>('stream/read', { run, path, channel: 1, format: 'screen', lines: { last: 1 } });
    expect(last).toMatchObject({ chunk: '20 50\n', lines: { total: end.lines.total } });
    const got = await client.call<ResultOf<'get'>>('get', { run, path, format: 'screen', line: -1 });
    expect(got).toMatchObject({ body: '20 50\n', line: end.lines.total });
    await expect.poll(async () => (await client.call<ResultOf<'get'>>('get', { run, path })).outcome).toBe('exit:3');
  });

  test('{#screen} the output of pipes is no staircase, as text and as the bytes that draw it', async () => {
    const { path } = await client.call<ResultOf<'sh'>>('sh', { run, command: 'printf "one\\ntwo\\nthree\\n"' });
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    expect((await shows(path, /three/)).chunk).toBe('one\ntwo\nthree\n');
    const read = { run, path, channel: 1, format: 'screen', replay: true };
    const { screen } = await client.call<ResultOf<'stream/read'>>('stream/read', read);
    expect(Buffer.from(screen?.replay ?? '', 'base64').toString()).toMatch(/^one\r\ntwo\r\nthree/);
  });

  test('a picture can be asked for in another size, and has no byte range', async () => {
    const path = await sh({ tty: { cols: 30, rows: 5 }, command: 'seq -s "" 1000 1010; exit 0' });
    const narrow = await shows(path, /1010/);
    expect(narrow.chunk.split('\n')[0]).toHaveLength(30);
    const ask = (params: object) => client.call<ResultOf<'stream/read'>>('stream/read', { run, path, channel: 1, ...params });
    expect((await ask({ format: 'screen', cols: 100 })).lines).toEqual({ first: 1, last: 1, total: 1 });
    await expect(ask({ format: 'screen', from: 3 })).rejects.toMatchObject({ data: { name: 'invalid_params', field: 'from' } });
    await expect(ask({ cols: 100 })).rejects.toMatchObject({ data: { name: 'invalid_params', field: 'cols' } });
    await expect(ask({ replay: true })).rejects.toMatchObject({ data: { name: 'invalid_params', field: 'replay' } });
  });

  test('a picture comes with the bytes that draw it, colours included, where they are asked for', async () => {
    const path = await sh({ backend: 'pty', command: `printf 'drawn${ESC}[1;31m red'; exit 0` });
    await shows(path, /drawn red/);
    const ask = (params: object) =>
      client.call<ResultOf<'stream/read'>>('stream/read', { run, path, channel: 1, format: 'screen', ...params });
    expect((await ask({})).screen).not.toHaveProperty('replay');
    const { screen } = await ask({ replay: true });
    expect(Buffer.from(screen?.replay ?? '', 'base64').toString()).toContain('drawn\u001b[31;1m red');
    const [row] = await client.call<ResultOf<'stream/list'>>('stream/list', { run });
    expect(row).toMatchObject({ tty: true, stdin: true });
  });

  test('{#stream_format} a subscription has no pictures', async () => {
    const path = await sh({ backend: 'pty', command: 'exit 0' });
    await expect(client.call('stream/subscribe', { run, path, format: 'screen' })).rejects.toMatchObject({ data: { name: 'unsupported' } });
  });
});
