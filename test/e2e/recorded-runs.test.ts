import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { LiveServer } from '../support/live-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { ARCHIVE, readArchive, readData, restore, writeArchive } from '../support/runs/archive.ts';
import { play } from '../support/runs/player.ts';
import { RUNS } from '../support/runs/scenarios.ts';
import { acpView, attachView, lineView, mcpView, nvimView, portalView, type View } from '../support/runs/views.ts';

const VIEWS = fileURLToPath(new URL('../corpus/runs/', import.meta.url));
/** Clients that read at the same time: each of them mostly waits. */
const READERS = 4;
const archive = readArchive();
const recorded = Object.entries(archive.aliases);

/**
 * Every client reads the same stored runs and shows what it showed when they were recorded. After a change that is meant,
 * `npx vitest -u` writes the views again, and the diff of them is what changed for people.
 */
describe('{#run_model} recorded runs', { timeout: 240_000 }, () => {
  const live = new LiveServer();
  let browser: Browser | undefined;

  beforeAll(async () => {
    await live.open();
    await live.server.stop();
    live.data = join(live.data, '..', 'recorded');
    restore(archive, live.data, live.root);
    await live.start();
    if (serviceAvailable('chromium')) browser = await Browser.open();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await live.close();
  });

  /** Compares what a client shows of each run with what it showed, in one file for each client. */
  async function same(client: string, view: View): Promise<void> {
    const shown = new Map<string, string>();
    const left = [...recorded];
    const reader = async () => {
      for (let next = left.shift(); next; next = left.shift()) {
        const [name, run] = next;
        const text = await view(live, run, `End of ${name}.`);
        expect(text).toContain(client === 'mcp' ? run : `End of ${name}.`);
        shown.set(name, `=== ${name}\n${text.replaceAll(live.root, '/project').trimEnd()}\n`);
      }
    };
    await Promise.all(Array.from({ length: READERS }, reader));
    await expect(recorded.map(([name]) => shown.get(name)).join('\n')).toMatchFileSnapshot(join(VIEWS, `${client}.txt`));
  }

  it('are at least thirty, one for each scenario', () => {
    expect(Object.keys(RUNS)).toEqual(recorded.map(([name]) => name));
    expect(recorded.length).toBeGreaterThanOrEqual(30);
  });

  it('{#cli_attach} are the same in attach, line by line', () => same('lines', lineView));
  it('{#acp_load} are the same in an editor', () => same('acp', acpView));
  it('{#mcp_list} are the same in the tools of MCP', () => same('mcp', mcpView));
  it.skipIf(!serviceAvailable('tmux'))('{#attach_timeline} are the same in attach on a terminal', () => same('attach', attachView));
  it.skipIf(!serviceAvailable('nvim'))('{#nvim_timeline} are the same in Neovim', () => same('nvim', nvimView));
  it.skipIf(!serviceAvailable('chromium'))('{#portal_answers} are the same in the portal', () =>
    same('portal', portalView(browser as Browser)),
  );
});

/** Plays the scenarios, and keeps the runs in place of those that are there. */
async function record(): Promise<void> {
  const live = new LiveServer();
  await live.open();
  const aliases: Record<string, string> = {};
  for (const [name, one] of Object.entries(RUNS)) aliases[name] = await play(live, name, one);
  await live.server.stop();
  writeArchive(ARCHIVE, readData(live.data, { aliases, root: live.root }));
  await live.close();
}

if (process.env['HEADGATE_RECORD_RUNS'] !== undefined) it('record the runs again', { timeout: 300_000 }, record);
