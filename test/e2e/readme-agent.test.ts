import { execFile } from 'node:child_process';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { type BuiltServer, endCommands, MAIN, serve } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { commandsOf } from '../support/readme.ts';
import { tempFolder } from '../support/temp-store.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const examples = commandsOf('The agent');

let data: string;
let project: string;
let remove: () => Promise<void>;
let server: BuiltServer;

beforeAll(async () => {
  const temp = await tempFolder();
  remove = temp.remove;
  data = await realpath(temp.folder);
  project = join(data, 'project');
  await mkdir(join(project, '.headgate', 'skills', 'release'), { recursive: true });
  await writeFile(join(project, '.headgate', 'skills', 'release', 'SKILL.md'), '---\ndescription: How a release is made\n---\nTag it.\n');
  await writeFile(join(project, 'Makefile'), 'test:\n\t@echo "error: none found"\n');
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const shown = parse(/```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '') as { mcp: { tickets: object } };
  // The example's program, played by the one of the tests.
  const program = { command: process.execPath, args: [join(ROOT, 'test/support/mcp/stdio-server.mjs'), join(data, 'notes')] };
  const tickets = { ...shown.mcp.tickets, ...program };
  await writeFile(join(data, 'config.yaml'), stringify({ ...shown, mcp: { tickets } }));
  server = await serve(data, ['--config', join(data, 'config.yaml')], { TICKETS_KEY: 'x' });
});
afterAll(async () => {
  await endCommands(server, project);
  await server.stop();
  await remove();
});

const hg = (...args: string[]) => cli(args, { cwd: project, data });
const rpc = async (method: string, params: object) => JSON.parse((await hg('rpc', method, JSON.stringify(params))).out);

/** What each example shows, in the order of the README. */
const shows: Record<string, (said: { code: number | null; out: string; err: string }) => unknown> = {
  'headgate act': ({ out }) => expect(out).toContain('make the tests pass'),
  'headgate ask': ({ out }) => expect(out).toContain('why did they fail?'),
  'headgate context': ({ out }) => expect(out).toMatch(/^turn 1 of fix: [\s\S]*prompt:\/\/loop_1\/user bytes 0 to 19/),
  'headgate policy add': ({ out }) => expect(out).toMatch(/^added rule \d+: allow sh\(npm test \*\)$/m),
  'headgate policy check': ({ out }) => expect(out).toMatch(/^deny: [\s\S]*allow {2}npm test [\s\S]*deny {2}git push/),
  'headgate rpc skill/add': ({ out }) => expect(JSON.parse(out)).toEqual({ run: 'fix', path: 'skill://release' }),
  'headgate rpc run/fork': ({ out }) => expect(JSON.parse(out)).toEqual({ run: 'other-way', status: 200 }),
  'headgate sh': ({ out }) => expect(out).toBe('error: none found\n'),
  'headgate output': ({ out }) => expect(out).toBe('1:error: none found\n'),
};

describe('the README, on the agent', () => {
  it('has an example for each command that is looked at here', () => {
    expect(examples.filter((line) => line.startsWith('headgate ')).map((line) => startOf(line))).toEqual(Object.keys(shows));
  });

  it.each(examples)('%s', async (line) => {
    const said = await typed(line);
    expect(said).toMatchObject({ code: 0, err: expect.not.stringContaining('headgate:') });
    shows[startOf(line) ?? '']?.(said);
  });

  it('{#mcp} {#policy_rules} has a configuration that a server takes: its rule holds, and the tools of its MCP server are offered', async () => {
    expect(await rpc('policy/list', {})).toMatchObject({
      rules: expect.arrayContaining([expect.objectContaining({ source: 'config', rule: 'sh(git push *)' })]),
    });
    const { tools } = await rpc('getContext', { run: 'fix', turn: 1 });
    expect(tools.map(({ name }: { name: string }) => name)).toContain('mcp__tickets__add_numbers');
  });
});

const startOf = (line: string) => Object.keys(shows).find((start) => line.startsWith(start));

/** Runs a line as a user would, `headgate` being the built command. */
async function typed(line: string) {
  return await new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    const child = execFile(
      'bash',
      ['-c', `headgate() { "${process.execPath}" "${MAIN}" "$@"; }\n${line}`],
      { cwd: project, env: { ...process.env, HEADGATE_DATA: data, NO_COLOR: '1' } },
      (_, out, err) => resolve({ code: child.exitCode, out, err }),
    );
  });
}
