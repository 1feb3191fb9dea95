import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, MAIN, serve } from '../support/built-server.ts';
import { startCli } from '../support/cli.ts';
import { commandsOf } from '../support/readme.ts';
import { tempFolder } from '../support/temp-store.ts';

const examples = commandsOf('On the command line');
const [curlSettings, ...curls] = commandsOf('From curl');

let data: string;
let project: string;
let remove: () => Promise<void>;
let server: BuiltServer;

beforeAll(async () => {
  ({ folder: data, remove } = await tempFolder());
  project = join(data, 'project');
  await mkdir(project);
  await writeFile(join(project, 'Makefile'), 'test:\n\t@echo "error: none found"\n');
  await writeFile(join(project, 'deploy.sh'), '#!/bin/sh\necho deployed\n');
  await chmod(join(project, 'deploy.sh'), 0o755);
  server = await serve(data);
});
afterAll(async () => {
  await endCommands(server, project);
  await server.stop();
  await remove();
});

/** Runs a line as a user would, `headgate` being the built command. */
async function typed(line: string): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn('bash', ['-c', `headgate() { "${process.execPath}" "${MAIN}" "$@"; }\n${line}`], {
    cwd: project,
    env: { ...process.env, HEADGATE_DATA: data, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

/** What each example of the README shows, in the order of the README. */
const shows: Record<string, (line: string) => Promise<void>> = {
  'headgate sh -- make test': async (line) => expect(await typed(line)).toEqual({ code: 0, out: 'error: none found\n', err: '' }),
  'headgate sh --propose': async (line) => expect((await typed(line)).out).toMatch(/^shell log:\/\/turn_0\/sh\/deploy-sh/m),
  'headgate proposals': async (line) => expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringContaining('./deploy.sh') }),
  'headgate accept': async (line) => {
    expect(await typed(line)).toMatchObject({ code: 0 });
    expect((await typed('headgate output --live shell log://turn_0/sh/deploy-sh')).out).toBe('deployed\n');
  },
  'headgate act': async (line) => expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringContaining('make the tests pass') }),
  'headgate ask': async (line) =>
    expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringContaining('what does this project do?') }),
  'headgate attach': async (line) => {
    // Elsewhere than on a terminal it follows until the run ends, so it is left when it has shown what there was.
    const attached = startCli(line.split(' ').slice(1), { cwd: project, data });
    await Promise.any([attached.until('make test', 'out'), attached.until('make test', 'err')]);
    attached.process.kill();
    await attached.ended;
  },
  'headgate output --live': async (line) => expect(await typed(line)).toMatchObject({ code: 0, out: 'error: none found\n' }),
  'headgate export': async (line) => {
    expect(await typed(line)).toMatchObject({ code: 0 });
    expect(await readFile(join(project, 'build.html'), 'utf8')).toContain('error: none found');
  },
  'headgate ps': async (line) => {
    const running = startCli(['sh', '--', 'trap "echo told \$((40 + 2))" HUP; echo up; while :; do sleep 60 & wait $!; done'], {
      cwd: project,
      data,
    });
    await running.until('up');
    // The client goes, the command does not.
    running.process.kill('SIGKILL');
    await running.ended;
    expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringContaining('sleep 60') });
  },
  'headgate kill': async (line) => {
    const told = startCli(['attach', 'shell'], { cwd: project, data });
    expect(await typed(line)).toMatchObject({ code: 0 });
    await told.until('told 42');
    told.process.kill();
    await told.ended;
  },
  'headgate cancel': async (line) => {
    expect(await typed(line)).toMatchObject({ code: 0 });
    expect((await typed('headgate ps')).out).not.toContain('sleep 60');
  },
  'headgate top': async (line) =>
    expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+ for you {2}.*\nNeeds you/) }),
  'headgate runs': async (line) => expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringMatching(/^project +shell /m) }),
  'headgate output shell': async (line) => expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringContaining('up\n') }),
  'headgate portal': async (line) =>
    expect(await typed(line)).toMatchObject({
      code: 0,
      out: expect.stringMatching(new RegExp(`^${server.http}/portal/#token=\\S+shell\\S*\n$`)),
    }),
  'headgate rpc': async (line) =>
    expect(JSON.parse((await typed(line)).out)).toEqual(expect.arrayContaining([expect.objectContaining({ run: 'shell' })])),
  'headgate doctor': async (line) => expect(await typed(line)).toMatchObject({ code: 0, out: expect.stringContaining('answers') }),
  'source <(headgate completion': async (line) =>
    expect(await typed(`${line}\ncomplete -p headgate`)).toMatchObject({ code: 0, out: expect.stringContaining('headgate') }),
};

describe('the README', () => {
  it('has an example for each command that is looked at here', () => {
    expect(examples.map((line) => Object.keys(shows).find((start) => line.startsWith(start)))).toEqual(Object.keys(shows));
  });

  it.each(examples)('%s', async (line) => {
    const start = Object.keys(shows).find((one) => line.startsWith(one));
    await shows[start ?? '']?.(line);
  });
});

describe('the README, from curl', () => {
  /** A line with the server of this test in place of the one that the settings name. */
  const here = (line: string) => `U=${server.http} T="Authorization: Bearer ${server.token}"\n${line}`;
  const dataOf = (text: string, event: string) =>
    text
      .split('\n\n')
      .filter((block) => block.includes(`event: ${event}\n`))
      .map((block) => JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') as Record<string, unknown>);

  it('begins with the address and the token', () => {
    expect(curlSettings).toMatch(/^U=http:\/\/127\.0\.0\.1:4711 {2}T="Authorization: Bearer \$\(cat .*\/token\)"$/);
    expect(curls).toHaveLength(5);
  });

  it('{#transport_http} calls a method, and waits for one', async () => {
    const [runs, act] = curls;
    const listed = await typed(here(runs ?? ''));
    expect(JSON.parse(listed.out)).toMatchObject({ id: 1, result: expect.arrayContaining([expect.objectContaining({ run: 'shell' })]) });
    expect(JSON.parse((await typed(here(act ?? ''))).out)).toMatchObject({ id: 1, result: { status: 200, outcome: null } });
  });

  it('{#transport_sse} follows a run', async () => {
    const child = spawn('bash', ['-c', here(`exec ${curls[2] ?? ''}`)], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    for await (const part of child.stdout) {
      text += String(part);
      if (text.includes('event: replay/synced')) break;
    }
    child.kill();
    expect(dataOf(text, 'stream/ended')[0]).toMatchObject({ run: 'shell', path: 'log://turn_0/sh/make-test', status: 200 });
  });

  it('{#transport_sse} reads the output of a command to its end, and from a byte on', async () => {
    const read = async (line: string | undefined) => {
      const { code, out } = await typed(here(line ?? ''));
      expect(code).toBe(0);
      expect(dataOf(out, 'ended')).toMatchObject([{ status: 200, exit_code: 0 }]);
      return dataOf(out, 'chunk').map(({ chunk }) => chunk);
    };
    expect((await read(curls[3])).join('')).toBe('error: none found\n');
    expect((await read(curls[4])).join('')).toBe('none found\n');
  });
});
