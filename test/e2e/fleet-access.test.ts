import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, serve } from '../support/built-server.ts';
import { Authority, type Identity } from '../support/certificates.ts';
import { cli } from '../support/cli.ts';
import { serviceAvailable } from '../support/require.ts';
import { Company, startRunner } from '../support/runner.ts';
import { tempFolder } from '../support/temp-store.ts';

describe.skipIf(!serviceAvailable('openssl'))('{#cli_token} {#tls} a server over TLS, and tokens for others', () => {
  let folder: string;
  let remove: () => Promise<void>;
  let data: string;
  let ca: Authority;
  let own: Identity;
  let server: BuiltServer | undefined;
  const company = new Company();
  beforeEach(async () => {
    ({ folder, remove } = await tempFolder());
    data = join(folder, 'data');
    await mkdir(join(folder, 'project'));
    ca = new Authority(folder);
    own = ca.sign('server', 'IP:127.0.0.1');
  });
  afterEach(async () => {
    await company.close();
    await server?.stop();
    server = undefined;
    await remove();
  });

  const tls = () => ['--tls-cert', own.cert, '--tls-key', own.key];
  const local = (...args: string[]) => cli(args, { cwd: folder, data });
  const started = async (...args: string[]): Promise<BuiltServer> => {
    server = await serve(data, args);
    return server;
  };

  it('make a machine a runner that may do nothing else, until its token is revoked', async () => {
    const { url } = await started(...tls());
    const made = await local('token', 'add', '--scope', 'runner', '--name', 'build-1');
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^hgt_[\w-]{43}\n$/), err: expect.stringContaining('this once') });
    const token = made.out.trim();
    const args = ['--name', 'box', '--ca', ca.cert, '--for', 'shell,ci-*'];
    const runner = await company.runner({ url, token }, join(folder, 'runner'), args);
    const project = join(folder, 'project');
    expect(await local('sh', '--project', project, '--runner', 'box,!gpu', '--', 'echo', 'there')).toMatchObject({
      code: 0,
      out: 'there\n',
    });
    const remote = (...more: string[]) => local('runners', '--url', url, '--ca', ca.cert, '--token', ...more);
    expect(await remote(token)).toMatchObject({ code: 4, err: expect.stringContaining('scope "read"') });
    const looks = (await local('token', 'add', '--scope', 'read', '--name', 'ann')).out.trim();
    expect(await remote(looks)).toMatchObject({ code: 0, out: expect.stringMatching(/OWNER +FOR[^]*box +ready[^]*build-1 +shell,ci-\*/) });
    expect((await local('token', 'list')).out).toMatch(
      /^NAME +SCOPE +MADE +BOUND TO +EXPIRES +LAST USED\nann +read .* every project +never +[\d.]+ m?s ago\nbuild-1 +runner .* ago\n$/,
    );
    expect(await local('token', 'revoke', 'build-1')).toMatchObject({ code: 0, out: 'token build-1 is revoked; 1 connection ended\n' });
    await expect.poll(async () => (await remote(looks)).out, { timeout: 10_000 }).toMatch(/box +away/);
    expect(runner.process.exitCode).toBeNull();
    const again = await startRunner({ url, token }, join(folder, 'other'), args).catch((error: unknown) => error);
    expect(String(again)).toContain('wrong token');
  });

  it('{#own_runs} bind a job to the runs that it makes, also when the server has been started again', async () => {
    const project = join(folder, 'project');
    const add = (...more: string[]) => local('token', 'add', '--scope', 'run', ...more);
    await started();
    const [job, other] = [(await add('--name', 'ci', '--own-runs')).out.trim(), (await add('--name', 'all')).out.trim()];
    expect((await local('token', 'list')).out).toMatch(
      /^all +run .* every project +never +never\nci +run .* every project, its own runs +never +never$/m,
    );
    const as = async (token: string, ...words: string[]) => {
      const { out, code } = await local(...words, '--project', project, '--url', server?.url ?? '', '--token', token);
      expect(code).toBe(0);
      return out;
    };
    const runs = async (token: string) => (JSON.parse(await as(token, 'runs', '--json')) as { run: string }[]).map(({ run }) => run);
    for (const [token, alias] of [[job, 'mine'] as const, [other, 'theirs'] as const])
      await as(token, 'rpc', 'startRun', JSON.stringify({ model: 'scripted', alias }));
    expect([await runs(job), await runs(other)]).toEqual([['mine'], ['theirs', 'mine']]);
    await server?.stop();
    await started();
    expect([await runs(job), await runs(other)]).toEqual([['mine'], ['theirs', 'mine']]);
  });

  it('say what is missing where the certificate is not trusted: to a client, and to a runner, which ends', async () => {
    const { url, token } = await started(...tls());
    expect(await local('runners', '--url', url, '--token', token)).toMatchObject({ code: 3, err: expect.stringContaining('--ca') });
    const runner = await startRunner({ url, token }, join(folder, 'runner')).catch((error: unknown) => error);
    expect(String(runner)).toMatch(/ended with 4.*no secure connection.*--ca/s);
    for (const address of [['--url', url, '--token', token], []]) {
      const tty = (...more: string[]) => local('tty', ...address, ...more, '--', 'echo', 'there');
      expect(await tty('--ca', ca.cert)).toMatchObject({ code: 0, out: 'there\n' });
      expect(await tty()).toMatchObject({ code: 3, err: expect.stringContaining('--ca') });
    }
    const missing = await local('runners', '--url', url, '--token', token, '--ca', join(folder, 'none'));
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('cannot be read') });
  });

  it('{#listen} is not to be had for other machines without TLS, unless that is said', async () => {
    const refused = await local('serve', '--json', '--port', '0', '--host', '0.0.0.0');
    expect(refused).toMatchObject({ code: 4, out: '', err: expect.stringMatching(/--tls-cert and --tls-key, or --insecure-listen/) });
    expect(await local('serve', '--tls-cert', own.cert)).toMatchObject({ code: 2, err: expect.stringContaining('--tls-key') });
    const { url, log } = await started('--host', '0.0.0.0', '--insecure-listen');
    expect(url).toMatch(/^ws:\/\/0\.0\.0\.0:/);
    expect(log()).toContain('unencrypted');
  });
});
