import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Browser, picture } from '../support/browser.ts';
import { WireClient } from '../support/built-server.ts';
import { LiveServer } from '../support/live-server.ts';
import { openPortal } from '../support/portal.ts';
import { serviceAvailable } from '../support/require.ts';

// A browser on a machine that is busy with other tests takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

describe.skipIf(!serviceAvailable('chromium'))('{#portal_needs} {#needs_you} what needs you, on the first page of the portal', () => {
  const live = new LiveServer();
  let browser: Browser;
  let here: WireClient;
  let there: WireClient;

  beforeAll(async () => {
    await live.open();
    here = await live.client('elsewhere');
    const other = join(live.root, '..', 'other');
    await mkdir(other);
    there = await WireClient.connect(live.server, other, 'other');
    live.clients.push(there);
    browser = await Browser.open();
  });
  afterAll(async () => {
    await browser?.close();
    await live.close();
  });

  const propose = async (client: WireClient, alias: string, params: object) => {
    await client.call('startRun', { model: 'scripted', alias });
    return (await client.call<{ path: string }>('sh', { run: alias, ...params })).path;
  };
  const statusOf = async (client: WireClient, run: string, path: string) =>
    (await client.call<{ status: number }>('get', { run, path })).status;

  it('is there from every project, the oldest first, and is answered by its buttons and keys', async () => {
    const first = await propose(there, 'oldest', { command: './first.sh' });
    const second = await propose(here, 'newer', { command: './second.sh' });
    const asks = await propose(here, 'reads', { command: 'printf "who? "; read x; echo "hello $x"', stdin: true });
    await here.call('run/resolve', { run: 'reads', resolution: { path: asks, action: 'accept' } });
    const { page, complaints } = await openPortal(browser, live, '/runs');
    await page.getByRole('heading', { name: 'Needs you: 3' }).waitFor();
    const rows = page.getByRole('list', { name: 'What needs you' }).getByRole('listitem');
    expect((await rows.allInnerTexts()).map((text) => /\S+\.sh|printf/.exec(text)?.[0])).toEqual(['./first.sh', './second.sh', 'printf']);
    await picture(page, 'portal-needs');
    await page.setViewportSize({ width: 375, height: 700 });
    await picture(page, 'portal-needs-375');
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('button', { name: 'Input 1' }).click();
    expect(await rows.count()).toBe(1);
    await page.getByRole('button', { name: 'All 3' }).click();
    await page.getByRole('button', { name: 'Reject ./first.sh' }).click();
    await page.getByRole('heading', { name: 'Needs you: 2' }).waitFor();
    expect(await statusOf(there, 'oldest', first)).toBe(403);
    await rows.first().getByRole('link').focus();
    await page.keyboard.press('r');
    await page.getByRole('heading', { name: 'Needs you: 1' }).waitFor();
    expect(await statusOf(here, 'newer', second)).toBe(403);
    await here.call('stream/input', { run: 'reads', path: asks, chunk: 'Ada\n' });
    await page.getByRole('heading', { name: 'Nothing needs you' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('leads to its place, in another project too', async () => {
    await propose(there, 'far', { command: './far.sh' });
    const { page } = await openPortal(browser, live, '/runs');
    await page.getByRole('link', { name: /far\.sh/ }).click();
    await page.getByRole('heading', { name: 'Wants to run a command' }).waitFor();
    expect(await page.title()).toContain('far · test-2');
  });
});
