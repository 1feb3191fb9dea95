import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesWith, serve } from '../support/built-server.ts';
import { type CliOptions, cli, startCli } from '../support/cli.ts';
import { tempFolder } from '../support/temp-store.ts';

const CLAIMS = [
  'the model looked around with a real env command',
  'its sh command waited for an answer and ran only after client 1 accepted it',
  'its output arrived live on both channels',
  'what was stored is byte for byte what arrived',
  "the model's last answer quotes a figure from that output",
  'a second command was cancelled by client 2 while it ran, and client 1 was told',
  'its processes are confirmed gone',
  'the server stopped in order',
];

describe('{#demo} headgate demo', () => {
  let folder: string;
  let remove: () => Promise<void>;
  let options: CliOptions;

  beforeAll(async () => {
    const temp = await tempFolder();
    folder = realpathSync(temp.folder);
    remove = temp.remove;
    options = { cwd: folder, env: { TMPDIR: folder } };
  });
  afterAll(() => remove());

  it('does all that it claims, in less than 20 seconds, and leaves neither folder nor process', async () => {
    const began = performance.now();
    const { code, out, err } = await cli(['demo'], options);
    expect({ code, err, out: code === 0 ? '' : out }).toEqual({ code: 0, err: '', out: '' });
    expect(performance.now() - began).toBeLessThan(20_000);
    for (const claim of CLAIMS) expect(out).toContain(`ok     ${claim}`);
    expect(out).not.toContain('\u001b[');
    expect(out).toContain('headgate output');
    expect(readdirSync(folder)).toEqual([]);
    expect(await processesWith(folder)).toEqual([]);
  }, 60_000);

  it('cleans up after itself when it is interrupted', async () => {
    const running = startCli(['demo'], options);
    running.process.stdin.end();
    await running.until('  | ');
    running.process.kill('SIGINT');
    const { code, err } = await running.ended;
    expect(code).toBe(130);
    expect(err).toContain('headgate: stopped by SIGINT');
    expect(readdirSync(folder)).toEqual([]);
    expect(await processesWith(folder)).toEqual([]);
  }, 60_000);

  it('with --keep says how to look at what it stored, and that works', async () => {
    const { code, out } = await cli(['demo', '--keep'], options);
    expect(code).toBe(0);
    const [, run, path, data, project] = /headgate output (\S+) (\S+) --data (\S+) --project (\S+)/.exec(out) ?? [];
    expect(data).toBe(join(folder, readdirSync(folder)[0] ?? '', 'data'));
    const server = await serve(data!);
    try {
      const shown = await cli(['output', run!, path!, '--data', data!, '--project', project!], { cwd: folder });
      expect(shown.code).toBe(0);
      expect(shown.out.length).toBeGreaterThan(0);
    } finally {
      await server.stop();
    }
    expect(await processesWith(folder)).toEqual([]);
  }, 60_000);
});
