import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Params, processesWith, WireClient } from '../support/built-server.ts';
import { type CliResult, cli, type RunningCli, startCli } from '../support/cli.ts';
import { liveServer, receiptOf } from '../support/live-server.ts';
import { isTerminal, NEEDS, PLACES, type PlaceName, Places } from '../support/places.ts';
import { serviceAvailable } from '../support/require.ts';

const live = liveServer();
let places: Places;

beforeAll(async () => {
  places = await Places.open();
}, 20_000);
afterAll(async () => {
  await places?.close();
}, 20_000);

const hg = (args: string[]): Promise<CliResult> => cli(args, { cwd: live.root, data: live.data });
const start = (args: string[]): RunningCli => startCli(args, { cwd: live.root, data: live.data });
/** A connection to the project that `headgate` has in this folder: its name is that of the folder. */
async function sameProject(): Promise<WireClient> {
  const client = await WireClient.connect(live.server);
  live.clients.push(client);
  await client.call('init', { name: basename(live.root), projectRoot: live.root, client: { name: 'witness' } });
  return client;
}
/** What a client prints, with the line ends of a pipe. */
const plain = (text: string) => text.replaceAll('\r\n', '\n');

/** Waits until a place is as it was before. */
async function expectClean(name: PlaceName): Promise<void> {
  let left: string[] = [];
  await vi
    .waitUntil(
      async () => {
        left = await places.remains(name, live);
        return left.length === 0;
      },
      { timeout: 15_000, interval: 50 },
    )
    .catch(() => {});
  expect(left).toEqual([]);
}

describe.each(PLACES)('{#places} headgate sh in %s', (name) => {
  const here = serviceAvailable(NEEDS[name]);

  it.skipIf(!here)('shows a line before the command has ended, takes input, and passes the exit code on', async () => {
    const go = join(places.folder, `go-${name}`);
    const script = `echo first; while [ ! -e ${go} ]; do sleep 0.05; done; echo second; exit 7`;
    const running = start(['sh', '--run', `live-${name}`, '--no-stdin', ...places.options(name), '--', script]);
    await running.until('first');
    expect(running.process.exitCode).toBe(null);
    writeFileSync(go, '');
    const { code, out, err } = await running.ended;
    expect({ code, out: plain(out), err }).toEqual({ code: 7, out: 'first\nsecond\n', err: '' });
    const piped = await cli(['sh', ...places.options(name), '--', 'read line; echo "got $line"'], {
      cwd: live.root,
      data: live.data,
      input: 'a line\n',
    });
    expect(piped).toMatchObject({ code: 0, err: '' });
    expect(plain(piped.out)).toContain('got a line\n');
    if (!isTerminal(name)) {
      const apart = await hg(['sh', ...places.options(name), '--', 'echo out; echo err >&2; exit 3']);
      expect(apart).toMatchObject({ code: 3, out: 'out\n', err: 'err\n' });
    }
    const killed = await hg(['sh', ...places.options(name), '--', 'kill -9 $$']);
    expect(killed.code).toBe(137);
    await expectClean(name);
  }, 20_000);

  it.skipIf(!here)('{#stream_cancel} {#receipt} ends with a cancel of another client, of which everyone is told and nothing is left', async () => {
    const mark = `mark-${randomUUID()}`;
    const witness = await sameProject();
    const run = `cancel-${name}`;
    const script = `trap 'echo bye; exit 0' TERM; sleep 300 & echo "up $$ $!"; while :; do sleep 0.05; done`;
    const running = start(['sh', '--run', run, '--no-stdin', ...places.options(name), '--env', `MARK=${mark}`, '--', script]);
    await running.until('up ');
    expect((await processesWith(`MARK=${mark}`)).length).toBeGreaterThanOrEqual(3);
    const cancel = await hg(['cancel', run, '--reason', 'wrong branch', '--grace', '2s']);
    expect(cancel).toMatchObject({ code: 0, err: '' });
    const { code, err, out } = await running.ended;
    expect([code, err]).toEqual([130, expect.stringMatching(/^headgate: cancelled by cli:\d+: wrong branch\n$/)]);
    expect(await witness.notice('stream/cancelled', (one) => one['run'] === run)).toMatchObject({ reason: 'wrong branch' });
    const told = await witness.notice('stream/ended', (one) => one['run'] === run);
    expect(told).toMatchObject({ status: 499 });
    const receipt = await receiptOf(witness, { run, path: told['path'] as string });
    expect(receipt).toMatchObject({ requestedBy: expect.stringMatching(/^cli:\d+$/), reason: 'wrong branch', escaped: [] });
    const signals = receipt['signals'] as Params[];
    expect(signals[0]).toMatchObject({ signal: 'SIGTERM' });
    const [, shell, child] = /up (\d+) (\d+)/.exec(out) ?? [];
    expect(receipt['confirmedDead']).toEqual(expect.arrayContaining([Number(shell), Number(child)]));
    expect((await processesWith(`MARK=${mark}`)).filter((line) => !line.includes('headgate'))).toEqual([]);
    await expectClean(name);
  }, 20_000);
});
