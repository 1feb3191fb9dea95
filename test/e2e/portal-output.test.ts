import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, picture, type WatchedPage } from '../support/browser.ts';
import { serve, type WireClient } from '../support/built-server.ts';
import { LiveServer, type Place } from '../support/live-server.ts';
import { openPortal, release, waitsFor } from '../support/portal.ts';
import { shownLines } from '../support/portal-lines.ts';
import { serviceAvailable } from '../support/require.ts';

const WAIT = { timeout: 20_000, interval: 50 };

describe.skipIf(!serviceAvailable('chromium'))('{#portal_output} output in the portal, in Chromium', { timeout: 120_000 }, () => {
  const live = new LiveServer();
  let browser: Browser;
  let client: WireClient;

  beforeAll(async () => {
    await live.open();
    browser = await Browser.open();
    client = await live.client();
  });
  afterAll(async () => {
    await browser?.close();
    await live.close();
  });

  const open = ({ run, path }: Place): Promise<WatchedPage> =>
    openPortal(browser, live, `/runs/${encodeURIComponent(run)}/${encodeURIComponent(path)}`);
  const texts = async (page: Page, channel = 1) => (await shownLines(page, channel)).map(({ text }) => text);
  const type = (place: Place, chunk: string) => client.call('stream/input', { ...place, chunk });
  const goTo = async (page: Page, what: string) => {
    await page.locator('headgate-log .view').first().focus();
    await page.keyboard.press('/');
    await page.getByLabel('Find in output').fill(what);
    await page.keyboard.press('Enter');
  };

  it('{#portal_output_text} shows colours, progress and what does not print; a download has every byte', async () => {
    const command = `printf '\\033[31mred\\033[0m plain\\n 1%%\\r50%%\\r100%%\\nbad \\377 nul \\000 <b>tag</b>\\n'; echo oops >&2; exit 3`;
    const { page, complaints } = await open(await live.accepted(client, command));
    await expect.poll(() => texts(page), WAIT).toEqual(['red plain', '100%', 'bad \\xff nul \\x00 <b>tag</b>']);
    await expect.poll(() => texts(page, 2), WAIT).toEqual(['oops']);
    await page.getByText('exit 3').first().waitFor();
    const red = page.locator('headgate-log .text span', { hasText: /^red$/ });
    expect(await red.evaluate((element) => (element as HTMLElement).style.color)).toBe('var(--ansi-1)');
    await picture(page, 'output-small');

    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
    const bytes = Buffer.from('\u001b[31mred\u001b[0m plain\n 1%\r50%\r100%\nbad \xff nul \0 <b>tag</b>\n', 'latin1');
    expect(await readFile(await download.path())).toEqual(bytes);

    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Select line 1' }).first().click();
    await page.getByRole('button', { name: 'Copy line' }).click();
    await page.getByText('copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('red plain\n');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('{#portal_output_text} describes what is no text', async () => {
    const { page } = await open(await live.accepted(client, "printf '\\037\\213\\001\\000'; head -c 2000 /dev/zero"));
    await page.getByText('This is gzip, 2.0 KiB').waitFor();
    await page.getByRole('button', { name: 'Show it all the same' }).click();
    await expect.poll(async () => (await texts(page))[0], WAIT).toMatch(/^\\x1f\\x8b\\x01\\x00\\x00/);
    await page.close();
  });

  it('{#portal_output_lines} {#portal_output_scroll} {#portal_output_search} keeps a few lines of many, and finds each of them', async () => {
    const count = 460_000;
    const part = (from: number, to: number) => `seq -f 'line %09.0f of a log with many, many lines' ${from} ${to}`;
    const command = `${part(1, 199_999)}; echo a needle; ${part(200_001, 299_999)}; echo a Needle; ${part(300_001, count)}`;
    const { page, complaints } = await open(await live.accepted(client, command));
    const line = (number: number) => `line ${String(number).padStart(9, '0')} of a log with many, many lines`;
    await expect.poll(async () => (await texts(page)).at(-1), { ...WAIT, timeout: 60_000 }).toBe(line(count));
    expect((await shownLines(page)).length).toBeLessThan(60);

    await goTo(page, ':100000');
    await expect.poll(async () => (await shownLines(page)).find(({ number }) => number === 100_000)?.text, WAIT).toBe(line(100_000));
    for (const { number, text } of await shownLines(page)) expect(text).toBe(line(number));

    await page.getByLabel('Find in output').fill('needle');
    await page.keyboard.press('Enter');
    await page.getByText('1 of 2').waitFor();
    await expect.poll(async () => (await shownLines(page)).find(({ number }) => number === 200_000)?.text, WAIT).toBe('a needle');
    expect(await page.locator('headgate-log mark').allTextContents()).toEqual(['needle']);
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await shownLines(page)).find(({ number }) => number === 300_000)?.text, WAIT).toBe('a Needle');
    await picture(page, 'output-search');
    await page.getByLabel('Find in output').fill('(a)\\1');
    await page.getByLabel('regular expression').check();
    await page.keyboard.press('Enter');
    await page.getByText('linear time').waitFor();
    await page.keyboard.press('Escape');

    const view = page.locator('headgate-log .view');
    await view.focus();
    await page.keyboard.press('Home');
    await expect.poll(async () => (await texts(page))[0], WAIT).toBe(line(1));
    await view.evaluate((element) => element.scrollTo({ top: (element.scrollHeight - element.clientHeight) / 2 }));
    await expect.poll(async () => Math.abs(((await shownLines(page))[10]?.number ?? 0) - count / 2) < 1000, WAIT).toBe(true);
    await page.getByRole('button', { name: 'Wrap' }).click();
    await view.focus();
    await page.keyboard.press('End');
    await expect.poll(async () => (await texts(page)).at(-1), WAIT).toBe(line(count));

    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    expect((await session.send('Runtime.getHeapUsage')).usedSize).toBeLessThan(20e6);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('{#portal_output_lines} shows the beginning of a long line, and more when asked', async () => {
    const { page } = await open(await live.accepted(client, "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last"));
    await expect.poll(async () => (await texts(page)).at(-1), WAIT).toBe('last');
    const more = page.getByRole('button', { name: 'show more of a line of 2.9 MiB' });
    await more.click();
    await page.getByText('the rest of a line of 2.9 MiB is in the download').waitFor();
    expect((await texts(page))[1]?.length).toBeGreaterThan(256 * 1024);
    await page.close();
  });

  it('{#portal_output_input} follows while it is written, keeps the place of whoever scrolls away, and takes input', async () => {
    const place = await live.accepted(client, `printf 'Password: '; read a; echo; while read n; do seq $n; echo "done $n"; done`);
    const { page } = await open(place);
    await page.getByText('waits for input').first().waitFor();
    const field = page.getByLabel('Input: Password:');
    expect(await field.getAttribute('type')).toBe('password');
    await field.fill('hidden words');
    await page.keyboard.press('Enter');
    const typed = await page.locator('headgate-input input').evaluateAll((fields) => fields.map((one) => (one as HTMLInputElement).value));
    expect(typed).not.toContain('hidden words');
    await type(place, '1000\n');
    await expect.poll(async () => (await texts(page)).at(-1), WAIT).toBe('done 1000');
    expect((await shownLines(page)).at(-1)?.number).toBe(1002);

    await page.locator('headgate-log .view').first().hover();
    await page.mouse.wheel(0, -3000);
    await page.getByRole('button', { name: 'to the end' }).waitFor();
    const before = await shownLines(page);
    await type(place, '500\n');
    await page.getByRole('button', { name: '501 new lines' }).waitFor();
    expect(await shownLines(page)).toEqual(before);
    await page.getByRole('button', { name: '501 new lines' }).click();
    await expect.poll(async () => (await texts(page)).at(-1), WAIT).toBe('done 500');

    await page
      .getByRole('button', { name: /Send input|Send line/ })
      .first()
      .waitFor();
    if (await page.getByRole('button', { name: 'Send input' }).isVisible()) await page.getByRole('button', { name: 'Send input' }).click();
    await page.getByRole('button', { name: 'End of input' }).click();
    await page.getByText('exit 0').first().waitFor();
    expect(await page.getByText('done 500').count()).toBe(1);
    expect(await page.getByText('hidden words').count()).toBe(0);
    const stored = JSON.stringify(await client.call('getEntries', { run: place.run }));
    expect(stored).toContain('done 500');
    expect(stored).not.toContain('hidden words');
    await page.close();
  });

  it('{#portal_output_input} sends all of a text that the command is slow to take', async () => {
    const place = await live.accepted(client, `echo ready; ${waitsFor('slow.go')}; wc -c`);
    const { page } = await open(place);
    await expect.poll(() => texts(page), WAIT).toEqual(['ready']);
    await page.getByRole('button', { name: 'Send input' }).click();
    await page.getByLabel('Input for the command').fill('x'.repeat(200_000));
    await page.keyboard.press('Enter');
    await page.getByText('waits until the command reads').waitFor();
    await release(live, 'slow.go');
    await page.getByText('sent', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'End of input' }).click();
    await expect.poll(() => texts(page), WAIT).toEqual(['ready', '200001']);
    await page.close();
  });

  it('{#portal_output_lines} shows how far a long progress bar is', async () => {
    const bars = (percent: number) => `i=0; while [ $i -lt 1000 ]; do printf '\\r[#####     ] %3d%%' ${percent}; i=$((i+1)); done`;
    const { page } = await open(await live.accepted(client, `${bars(30)}; ${waitsFor('bar.go')}; ${bars(100)}; echo; echo over`));
    await expect.poll(() => texts(page), WAIT).toEqual(['[#####     ]  30%']);
    await release(live, 'bar.go');
    await expect.poll(() => texts(page), WAIT).toEqual(['[#####     ] 100%', 'over']);
    await page.close();
  });

  it('{#portal_output_terminal} is a terminal where the command has one', async () => {
    const command = `printf '\\033[2J\\033[3;5H\\033[1;32mdrawn\\033[0m\\r\\n'; while read line; do echo "<$line>"; stty size; done`;
    const place = await live.accepted(client, command, {}, { tty: { cols: 60, rows: 10 } });
    const { page, complaints } = await open(place);
    const screen = page.locator('headgate-terminal .xterm-rows');
    await expect.poll(() => screen.innerText(), WAIT).toMatch(/ {4}drawn/);
    await page.locator('headgate-terminal .xterm-screen').click();
    await page.keyboard.type('größe "x"');
    await page.keyboard.press('Enter');
    await expect.poll(() => screen.innerText(), WAIT).toMatch(/<größe "x">\s+10 60/);
    await page.getByRole('button', { name: 'Fit size' }).click();
    await page.getByText(/^\d+ x \d+$/).waitFor();
    const size = (await page.getByText(/^\d+ x \d+$/).innerText()).split(' x ').map(Number);
    await page.locator('headgate-terminal .xterm-screen').click();
    await page.keyboard.type('again');
    await page.keyboard.press('Enter');
    await expect.poll(() => screen.innerText(), WAIT).toMatch(new RegExp(`<again>\\s+${size[1]} ${size[0]}`));
    await picture(page, 'output-terminal');
    await page.keyboard.press('Control+]');
    await page.keyboard.press('d');
    expect(await page.evaluate(() => document.activeElement?.shadowRoot !== null)).toBe(true);
    await expect
      .poll(() => page.locator('headgate-terminal .xterm').evaluate((element) => element.classList.contains('focus')), WAIT)
      .toBe(false);
    await page.locator('headgate-terminal .xterm-screen').click();
    await page.keyboard.press('Control+d');
    await page.getByText('exit 0').first().waitFor();
    await page.reload();
    await expect.poll(() => screen.innerText(), WAIT).toMatch(/drawn[^]*<größe "x">[^]*<again>/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('{#portal_output_lines} goes on at its byte when the server was killed and is there again', async () => {
    const place = await live.accepted(
      client,
      'i=0; while read go; do for k in 1 2 3 4 5 6 7 8 9 10; do i=$((i+1)); echo "n $i"; done; done',
    );
    const { page } = await open(place);
    await type(place, 'go\n');
    await expect.poll(async () => (await texts(page)).at(-1), WAIT).toBe('n 10');
    const port = new URL(live.server.http).port;
    await live.server.crash();
    live.server = await serve(live.data, ['--port', port]);
    client = await live.client();
    await type(place, 'go\ngo\n');
    await expect.poll(() => texts(page), { ...WAIT, timeout: 40_000 }).toEqual(Array.from({ length: 30 }, (_, i) => `n ${i + 1}`));
    await client.call('stream/input', { ...place, eof: true });
    await page.getByText('exit 0').first().waitFor();
    expect((await texts(page)).length).toBe(30);
    await page.close();
  });
});
