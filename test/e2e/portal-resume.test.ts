import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Browser, picture } from '../support/browser.ts';
import { serve } from '../support/built-server.ts';
import { LiveServer } from '../support/live-server.ts';
import { openPortal, portalUrl, release, runWith, waitsFor } from '../support/portal.ts';
import { serviceAvailable } from '../support/require.ts';

// A browser on a machine that is busy with other tests takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

describe.skipIf(!serviceAvailable('chromium'))('{#portal_resume} the portal and a server that goes away', () => {
  const live = new LiveServer();
  let browser: Browser;

  beforeAll(async () => {
    await live.open();
    browser = await Browser.open();
  });
  afterAll(async () => {
    await browser?.close();
    await live.close();
  });

  it('says so, goes on with every line once, and shows the same after a reload', async () => {
    const before = await live.client('elsewhere');
    const lines = (from: number, to: number) => `for i in $(seq ${from} ${to}); do echo line $i; done`;
    const place = await live.accepted(
      before,
      `${lines(1, 20)}; ${waitsFor('go1')}; ${lines(21, 40)}; ${waitsFor('go2')}; ${lines(41, 60)}`,
    );
    const { page } = await openPortal(browser, live, `/runs/${place.run}`);
    await page.getByText('line 20', { exact: true }).waitFor();
    await before.close();
    await live.server.crash();
    await page.getByText('The server cannot be reached').waitFor();
    await picture(page, 'portal-lost');
    await release(live, 'go1');
    live.server = await serve(live.data, ['--port', new URL(live.server.http).port]);
    await page.getByText('line 40', { exact: true }).waitFor();
    await page.getByText('The server cannot be reached').waitFor({ state: 'detached' });
    const after = await live.client('elsewhere');
    const { path } = await after.call<{ path: string }>('sh', { run: place.run, command: 'sleep 0.03' });
    await page.getByText('Wants to run a command').waitFor();
    await after.call('run/resolve', { run: place.run, resolution: { path, action: 'reject' } });
    await page.getByText('rejected by elsewhere').waitFor();
    await release(live, 'go2');
    await page.getByText('line 60', { exact: true }).waitFor();
    await page
      .getByText(/^exit 0/)
      .first()
      .waitFor();
    expect(await page.locator('article').count()).toBe(2);
    await page.reload();
    await page.getByText('rejected by elsewhere').waitFor();
    expect(await page.locator('article').count()).toBe(2);
  });

  it('shows texts whole, and what an action answered, live as after a reload', async () => {
    const client = await live.client('elsewhere');
    const lines = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name} ${n + 1}`).join('\n');
    await writeFile(join(live.root, 'notes.txt'), lines('noted', 600));
    const run = await runWith(live, client, 'same', [
      {
        say: lines('said', 600),
        calls: [
          { tool: 'get', input: { path: 'file://notes.txt', limit: 600 } },
          { tool: 'update', input: { text: lines('told', 20), status: 200 } },
        ],
      },
    ]);
    const { page } = await openPortal(browser, live, `/runs/${run}`);
    await page.getByText('Nothing has happened yet.').waitFor();
    await client.call('act', { run, prompt: lines('asked', 600), wait: true });
    const shown = async () => {
      for (const text of ['asked 600', 'said 600', 'told 20']) await page.getByText(text).waitFor();
      await page.getByRole('button', { name: 'read file://notes.txt' }).click();
      await page.getByText('noted 390').waitFor();
      await page.getByText('The text goes on').waitFor();
    };
    await shown();
    await page.reload();
    await shown();
  });

  it('{#portal_answers} is legible in the dark, on a small screen, and without motion', async () => {
    const client = await live.client('elsewhere');
    const place = await live.proposed(client, `printf 'a rather long command line' && ${waitsFor('never')} && echo ${'x'.repeat(200)}`);
    for (const [name, options] of [
      ['portal-dark', { colorScheme: 'dark' }],
      ['portal-light', { colorScheme: 'light' }],
    ] as const) {
      const { page } = await browser.page();
      await page.emulateMedia({ ...options, reducedMotion: 'reduce' });
      await page.goto(portalUrl(live, `/runs/${place.run}`));
      await page.getByText('Wants to run a command').waitFor();
      await picture(page, name);
      const [ground, ink] = (await page.evaluate(
        '[getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.documentElement).color]',
      )) as [string, string];
      expect(lightness(ground) > lightness(ink)).toBe(options.colorScheme === 'light');
      await page.setViewportSize({ width: 375, height: 720 });
      await picture(page, `${name}-small`);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(375);
      await page.getByRole('button', { name: /^Accept( a)?$/ }).scrollIntoViewIfNeeded();
      await page.getByRole('link', { name: 'All runs' }).last().click();
      await page.getByRole('link', { name: new RegExp(`^${place.run}`) }).waitFor();
      await picture(page, `${name}-small-runs`);
      await page.close();
    }
  });
});

/** Sum of the parts of `rgb(r, g, b)`. */
function lightness(colour: string): number {
  return [...colour.matchAll(/\d+/g)].reduce((sum, [part]) => sum + Number(part), 0);
}
