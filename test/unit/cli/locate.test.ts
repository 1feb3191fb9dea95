import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { CliError } from '../../../src/cli/errors.ts';
import { dataFolder, locate, serverRecord } from '../../../src/cli/locate.ts';

describe('{#cli_server} finding the server', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'headgate-locate-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(() => void vi.unstubAllEnvs());

  const failure = (run: () => unknown): CliError => {
    try {
      run();
    } catch (error) {
      if (error instanceof CliError) return error;
      throw error;
    }
    throw new Error('nothing was thrown');
  };

  it('takes options before the environment, and the environment before the record in the data folder', () => {
    writeFileSync(serverRecord(folder), JSON.stringify({ socket: '/recorded.sock', pid: 1 }));
    const env = { HEADGATE_URL: 'ws://127.0.0.1:9/rpc', HEADGATE_TOKEN: 'from-env', HEADGATE_DATA: folder };
    expect(locate({ url: 'ws://127.0.0.1:1/rpc', token: 't' }, env)).toEqual({
      kind: 'websocket',
      url: 'ws://127.0.0.1:1/rpc',
      token: 't',
      from: '--url',
    });
    expect(locate({ socket: '/a.sock' }, env)).toEqual({ kind: 'unix', path: '/a.sock', from: '--socket' });
    expect(locate({}, env)).toMatchObject({ kind: 'websocket', url: 'ws://127.0.0.1:9/rpc', token: 'from-env' });
    expect(locate({}, { HEADGATE_SOCKET: '/b.sock' })).toMatchObject({ kind: 'unix', path: '/b.sock' });
    expect(locate({ data: folder }, env)).toMatchObject({ kind: 'unix', path: '/recorded.sock' });
    expect(locate({}, { HEADGATE_DATA: folder })).toMatchObject({ kind: 'unix', path: '/recorded.sock' });
  });

  it('takes http:// and a bare host for what they mean', () => {
    expect(locate({ url: 'http://127.0.0.1:4711' }, {})).toMatchObject({ url: 'ws://127.0.0.1:4711/rpc' });
    expect(locate({ url: 'https://example.test' }, {})).toMatchObject({ url: 'wss://example.test/rpc' });
    expect(locate({}, { HEADGATE_URL: 'unix:/a/b.sock' })).toEqual({ kind: 'unix', path: '/a/b.sock', from: 'HEADGATE_URL' });
  });

  it('{#tls} reads the files for wss:// only, and says by name which cannot be read or misses another', () => {
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, 'pem');
    expect(locate({ url: 'wss://h/rpc', ca }, {})).toMatchObject({ tls: { ca: Buffer.from('pem') } });
    expect(locate({ url: 'wss://h/rpc' }, { HEADGATE_CA: ca, HEADGATE_CERT: ca, HEADGATE_KEY: ca })).toMatchObject({
      tls: { key: Buffer.from('pem') },
    });
    expect(locate({ url: 'ws://h/rpc', ca: '/none' }, {})).not.toHaveProperty('tls');
    expect(failure(() => locate({ url: 'wss://h/rpc', ca: '/none' }, {})).message).toBe('--ca /none cannot be read (ENOENT)');
    expect(failure(() => locate({ url: 'wss://h/rpc', cert: ca }, {})).message).toContain('go together');
  });

  it('says how to start a server when none runs, with exit code 3', () => {
    const error = failure(() => locate({ data: join(folder, 'none') }, {}));
    expect(error.exitCode).toBe(3);
    expect(error.message).toContain('no server is running on');
    expect(error.hint).toContain(`headgate serve --data ${join(folder, 'none')}`);
  });

  it('says so when the record is damaged, and when a URL is none', () => {
    writeFileSync(serverRecord(folder), '{"pid":');
    expect(failure(() => locate({ data: folder }, {})).exitCode).toBe(3);
    expect(failure(() => locate({ url: 'nonsense' }, {})).exitCode).toBe(2);
    expect(failure(() => locate({ url: 'ftp://x' }, {})).exitCode).toBe(2);
  });

  it('puts data into $XDG_DATA_HOME/headgate, else ~/.local/share/headgate', () => {
    expect(dataFolder('/x/y', { HEADGATE_DATA: '/d' })).toBe('/x/y');
    expect(dataFolder(undefined, { HEADGATE_DATA: '/d', XDG_DATA_HOME: '/xdg' })).toBe('/d');
    expect(dataFolder(undefined, { XDG_DATA_HOME: '/xdg', HOME: '/h' })).toBe('/xdg/headgate');
    expect(dataFolder(undefined, { HOME: '/h' })).toBe('/h/.local/share/headgate');
    vi.stubEnv('HOME', '');
    expect(dataFolder(undefined, { HOME: '' })).toBe(join(userInfo().homedir, '.local/share/headgate'));
  });
});
