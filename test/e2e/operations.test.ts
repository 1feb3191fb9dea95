import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from '../support/built-server.ts';
import { cliEnv } from '../support/cli.ts';
import { type collector as Collector, collector } from '../support/collector.ts';
import { freePort } from '../support/free-port.ts';
import { blocksOf, textOf } from '../support/readme.ts';
import { tempFolder } from '../support/temp-store.ts';

const run = promisify(execFile);
const PAGE = textOf('docs/operations.md');

let temp: Awaited<ReturnType<typeof tempFolder>>;
let traces: Awaited<ReturnType<typeof Collector>>;
let port: number;

beforeAll(async () => {
  temp = await tempFolder();
  traces = await collector();
  port = await freePort();
  await mkdir(join(temp.folder, 'bin'));
  await mkdir(join(temp.folder, 'backup'));
  const command = join(temp.folder, 'bin/headgate');
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  await chmod(command, 0o755);
});
afterAll(async () => {
  await run(join(temp.folder, 'bin/headgate'), ['stop', '--kill', '--data', data()]).catch(() => undefined);
  await traces?.close();
  await temp?.remove();
});

const data = () => join(temp.folder, 'data');

/** Carries out the commands of a section, with folders and ports of this test in place of those that it names. */
async function section(heading: string): Promise<string> {
  const text = PAGE.slice(PAGE.indexOf(`## ${heading}\n`)).split('\n## ', 1)[0] ?? '';
  const commands = blocksOf(text, 'sh')
    .join('\n')
    .replaceAll('/var/lib/headgate', data())
    .replaceAll('/mnt/backup', join(temp.folder, 'backup'))
    .replaceAll('/tmp/tried', join(temp.folder, 'tried'))
    .replaceAll('127.0.0.1:4318', new URL(traces.url).host)
    .replaceAll('4711', `${port}`)
    .replace('headgate serve --data', 'headgate serve --detach --data');
  expect(commands).not.toBe('');
  const env = { ...cliEnv({ data: data() }), PATH: `${join(temp.folder, 'bin')}:${process.env['PATH']}` };
  return (await run('sh', ['-ec', commands], { cwd: temp.folder, env, maxBuffer: 1 << 24 })).stdout;
}

describe('docs/operations.md: what its commands do', () => {
  it('{#metrics} {#traces} {#decision_log} watching', async () => {
    const out = await section('Watch it');
    expect(out).toContain('headgate_commands_running 0');
    expect(out).toContain('"status":"ready"');
    const [, traceId] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/m.exec(out) ?? [];
    expect((await traces.span(({ name }) => name === 'command sh')).traceId).toBe(traceId);
    expect(await readFile(join(temp.folder, 'decisions.log'), 'utf8')).toContain('TRACEPARENT');
  }, 120_000);

  it('{#tokens} tokens for others', async () => {
    await run(join(temp.folder, 'bin/headgate'), ['serve', '--detach', '--data', data()]);
    expect(await section('Tokens for others')).toMatch(/\bci\b/);
  }, 60_000);

  it('{#backup} {#restore} a backup of the server that runs, restored beside it', async () => {
    await section('Backup and restore');
    await run(join(temp.folder, 'bin/headgate'), ['stop', '--data', join(temp.folder, 'tried')]);
  }, 120_000);
});
