import type { Page } from 'playwright-core';
import { describe, expect, it, vi } from 'vitest';
import { picture } from '../support/browser.ts';
import { openPortal, portalServer, portalUrl, release, runWith, waitsFor } from '../support/portal.ts';
import { serviceAvailable } from '../support/require.ts';

// A browser on a machine that is busy with other tests takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

describe.skipIf(!serviceAvailable('chromium'))('the portal on runs', () => {
  const portal = portalServer();
  const { live } = portal;

  const sh = (command: string) => ({ tool: 'sh', input: { command, yield_ms: 60_000 } });
  const propose = (run: string, command: string) => portal.client.call<{ path: string }>('sh', { run, command });
  const accept = (page: Page) => page.getByRole('button', { name: 'Accept a', exact: true });

  it('{#portal_answers} shows a run from its prompt to its end: accepted by click, output while the command runs', async () => {
    const run = await runWith(live, portal.client, 'whole', [
      { say: 'A change first.', calls: [{ tool: 'set', input: { path: 'file://notes.txt', body: 'one\ntwo\n' } }] },
      { say: 'Then a command.', calls: [sh(`echo first line; ${waitsFor('whole.go')}; echo last line; exit 3`)] },
      { say: 'All of it is **done**.' },
    ]);
    const { page, complaints, requests } = await openPortal(portal.browser, live, `/runs/${run}`);
    await page.getByLabel('What shall the agent do next').fill('write notes');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('+two').waitFor();
    expect(await page.title()).toBe('(1) whole · test · Headgate');
    await picture(page, 'portal-change');
    await accept(page).click();
    await page.getByText('Wants to run a command').waitFor();
    await accept(page).click();
    await page.getByText('first line', { exact: true }).waitFor();
    await page.getByText('running', { exact: true }).first().waitFor();
    await picture(page, 'portal-live');
    await release(live, 'whole.go');
    await page.getByText('last line', { exact: true }).waitFor();
    await page.getByText('exit 3', { exact: true }).waitFor();
    await page.getByText('All of it is done.').waitFor();
    expect(await page.getByText('accepted by portal').count()).toBe(2);
    expect(await page.title()).toBe('whole · test · Headgate');
    expect(complaints).toEqual([]);
    expect([...new Set(requests.map((url) => new URL(url).host))]).toEqual([new URL(live.server.http).host]);
  });

  it('{#portal_answers} answers a question, and rejects with a reason that the model reads', async () => {
    const run = await runWith(live, portal.client, 'asking', [
      { calls: [{ tool: 'ask_user', input: { question: 'Which colour?', options: ['red', 'blue'] } }] },
      { calls: [sh('sleep 1')] },
    ]);
    await portal.client.call('act', { run, prompt: 'ask me' });
    const { page } = await openPortal(portal.browser, live, `/runs/${run}`);
    await page.getByRole('button', { name: 'blue' }).click();
    await page.getByText('accepted by portal: blue').waitFor();
    await page.getByRole('button', { name: 'Reject r' }).click();
    await page.getByLabel('Reason for the rejection').fill('too slow');
    await page.keyboard.press('Enter');
    await page.getByText('rejected by portal: too slow').waitFor();
    const entries = await portal.client.call<{ body: string }[]>('getEntries', { run, pattern: 'log://turn_2/sh/*' });
    expect(entries[0]?.body).toContain('too slow');
  });

  it('{#portal_answers} offers nothing that changes something to a token that may only look', async () => {
    const { run } = await portal.client.call<{ run: string }>('startRun', { model: 'scripted', alias: 'looked-at' });
    const { path } = await propose(run, 'sleep 600');
    await portal.client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    await propose(run, 'touch looked');
    const reader = await portal.client.call<{ token: string }>('token/add', { name: 'reader', scope: 'read' });
    const { page } = await openPortal(portal.browser, live, `/runs/${run}`, reader);
    await page.getByText('Another client answers: your token may look and change nothing.').waitFor();
    await page.getByText('sleep 600').first().waitFor();
    await picture(page, 'portal-read-token');
    const offered = await page.getByRole('main').getByRole('button').allInnerTexts();
    expect(offered.map((text) => text.trim())).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/accept|reject|cancel|abort|rename|fork|send/i)]),
    );
    expect(await page.getByRole('textbox', { name: 'What shall the agent do' }).count()).toBe(0);
    // Keys neither: what waits still waits, and what runs runs.
    await page.keyboard.press('a');
    await page.keyboard.press('c');
    await page.keyboard.press('p');
    await page.getByRole('heading', { name: 'Running commands' }).waitFor();
    expect(await page.getByRole('main').getByRole('button').count()).toBe(0);
    expect(await portal.client.call<unknown[]>('getProposals', { run })).toHaveLength(1);
    expect(await portal.client.call<{ state: string }[]>('stream/list', { run, state: 'live' })).toHaveLength(1);
    await portal.client.call('stream/cancel', { run, path });
  });

  it('{#portal_answers} shows an answer that came from elsewhere, and remembers a rule', async () => {
    const { run } = await portal.client.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await propose(run, 'sleep 0.01');
    const { page } = await openPortal(portal.browser, live, `/runs/${run}`);
    await page.getByText('One proposal waits').waitFor();
    await portal.client.call('run/resolve', { run, resolution: { path, action: 'reject', output: 'not now' } });
    await page.getByText('rejected by elsewhere: not now').waitFor();
    await page.getByText('One proposal waits').waitFor({ state: 'detached' });
    await propose(run, 'sleep 0.02');
    await page.getByText('sh(sleep 0.02)').first().waitFor();
    await page.getByRole('button', { name: 'Accept and allow from now on' }).click();
    await page.getByText('accepted by portal').waitFor();
    const { rules } = await portal.client.call<{ rules: { decision: string; rule: string }[] }>('policy/list');
    expect(rules).toContainEqual(expect.objectContaining({ decision: 'allow', rule: 'sh(sleep 0.02) in .' }));
  });

  it('{#portal_answers} ends a command and shows the receipt; lists, signals and ends those of all runs', async () => {
    const first = await live.accepted(portal.client, `trap 'echo got usr1' USR1; echo begun; ${waitsFor('never')}`);
    const { page } = await openPortal(portal.browser, live, `/runs/${first.run}`);
    await page.getByText('begun', { exact: true }).waitFor();
    await page.getByRole('link', { name: /Running commands/ }).click();
    await page.getByLabel(/^Send a signal to/).selectOption('USR1');
    await page.getByRole('link', { name: /begun/ }).click();
    expect(decodeURIComponent(page.url())).toContain(`#/runs/${first.run}/${first.path}`);
    await page.getByText('got usr1', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Cancel c' }).click();
    await page.getByText('Receipt of the cancel').waitFor();
    await page.getByText('portal, ').waitFor();
    await page.locator('dd.good').waitFor();
    await picture(page, 'portal-receipt');
    const second = await live.accepted(portal.client, waitsFor('never'));
    await page.goto(`${live.server.http}/portal/#/producers`);
    await page.getByRole('button', { name: /^Cancel until/ }).click();
    await page.getByText('No command runs in this project.').waitFor();
    expect(await portal.client.call('get', { ...second })).toMatchObject({ status: 499 });
  });

  it('{#portal_answers} lists what ended commands have left running, with its processes, and ends it with a receipt', async () => {
    const place = await live.accepted(portal.client, `(${waitsFor('never')}) & echo left`);
    const { processes } = (await portal.client.notice('stream/leftover', ({ path }) => path === place.path)) as { processes: number[] };
    const { page } = await openPortal(portal.browser, live, '/producers');
    await page.getByText('leftover', { exact: true }).waitFor();
    await page.getByText(`its command has ended; pid ${processes.join(', ')}; 0 B since`).waitFor();
    await page.goto(`${live.server.http}/portal/#/runs/${place.run}`);
    await page.getByText(/of it runs? on in the background/).waitFor();
    await page.getByRole('button', { name: 'Cancel c' }).click();
    await page.locator('dd.good').waitFor();
    await page.getByText('what it had left running was cancelled').waitFor();
    expect(await portal.client.call('get', { ...place })).toMatchObject({ status: 200 });
  });

  it('{#portal_keys} is driven by keys, which are text in a field', async () => {
    const run = await runWith(live, portal.client, 'keys', [
      { calls: [sh(`echo by key; ${waitsFor('keys.never')}`)] },
      { calls: [sh('sleep 2')] },
      { say: 'What a, r and c stand for.' },
    ]);
    const { page, complaints } = await openPortal(portal.browser, live, `/runs/${run}`);
    await page.getByText('Nothing has happened yet.').waitFor();
    await page.keyboard.press('n');
    await page.keyboard.type('cancel a car');
    await page.keyboard.press('Enter');
    await page.getByRole('article', { name: 'Prompt' }).getByText('cancel a car', { exact: true }).waitFor();
    await page.getByText('Wants to run a command').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('headgate-proposal:not([guarded])').waitFor();
    await page.keyboard.press('a');
    await page.getByText('by key', { exact: true }).waitFor();
    await page.keyboard.press('c');
    await page.getByText('Receipt of the cancel').waitFor();
    await page.getByText('Wants to run a command').waitFor();
    await page.keyboard.press('k');
    await page.keyboard.press('j');
    await page.locator('article:focus').waitFor();
    await page.keyboard.press('r');
    await page.getByLabel('Reason for the rejection').waitFor();
    await page.keyboard.type('a reason');
    await page.keyboard.press('Enter');
    await page.getByText('rejected by portal: a reason').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('accept the proposal').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.type('keys');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    expect(page.url()).toContain('#/runs/keys');
    await page.keyboard.press('p');
    await page.getByRole('heading', { name: 'Running commands' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('{#portal_keys} answers one proposal with a key, however long it is held, and none that has only just come under it', async () => {
    const { run } = await portal.client.call<{ run: string }>('startRun', { model: 'scripted', alias: 'held' });
    for (const n of [1, 2, 3]) await propose(run, `echo held ${n}`);
    const { page } = await openPortal(portal.browser, live, `/runs/${run}`);
    const underKeys = (text: string) =>
      page.locator('headgate-proposal').first().and(page.locator(':not([guarded])')).filter({ hasText: text }).waitFor();
    await page.getByText('3 proposals wait').waitFor();
    await underKeys('echo held 1');
    await page.keyboard.down('a');
    await underKeys('echo held 2');
    for (let n = 0; n < 3; n++) await page.keyboard.down('a');
    await page.keyboard.up('a');
    // The next tap comes at once: as soon as another proposal is the oldest.
    await page.locator('headgate-timeline').evaluate((timeline) => {
      const cards = () => timeline.shadowRoot?.querySelectorAll('headgate-proposal').length;
      new MutationObserver((_, observer) => {
        if (cards() !== 1) return;
        observer.disconnect();
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true, composed: true }));
      }).observe(timeline.shadowRoot as ShadowRoot, { childList: true, subtree: true });
    });
    await page.keyboard.press('a');
    await page.getByText('One proposal waits').waitFor();
    const statuses = async () => {
      const entries = await portal.client.call<{ path: string; status: number }[]>('getEntries', { run, pattern: 'log://**' });
      return entries.filter(({ path }) => /\/echo-held-\d$/.test(path)).map(({ status }) => status);
    };
    await expect.poll(statuses).toEqual([200, 200, 202]);
  });

  it('{#portal_prompts} tells a model that is at work what is sent, and begins no second loop', async () => {
    const run = await runWith(live, portal.client, 'steered', [
      { calls: [sh(`echo working; ${waitsFor('steered.go')}`)] },
      { say: 'I have read it.' },
    ]);
    await portal.client.call('act', { run, prompt: 'begin' });
    const { page } = await openPortal(portal.browser, live, `/runs/${run}`);
    await accept(page).click();
    await page.getByText('working', { exact: true }).waitFor();
    await page.getByLabel('What shall the agent do next').fill('rather the other way');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('rather the other way').waitFor();
    await release(live, 'steered.go');
    await page.getByText('I have read it.').waitFor();
    const { loops } = await portal.client.call<{ loops: unknown[] }>('getRun', { run });
    expect(loops).toHaveLength(1);
  });

  it('{#portal_prompts} keeps what is being written for each run, and its model, apart', async () => {
    for (const name of ['apart-a', 'apart-b']) await runWith(live, portal.client, name, [{ say: 'first' }, { say: 'second' }]);
    const { page } = await portal.browser.page();
    const sending = await holdAnswers(page, 'act');
    await page.goto(portalUrl(live, '/runs/apart-a'));
    const field = page.getByLabel('What shall the agent do next');
    await page.getByLabel('What shall the agent do next in apart-a').waitFor();
    await page.getByLabel('Model').selectOption('scripted');
    await page.getByText('Ask', { exact: true }).click();
    await field.fill('a draft for a');
    await page.getByRole('link', { name: 'apart-b' }).click();
    await page.getByLabel('What shall the agent do next in apart-b').waitFor();
    await expect.poll(() => page.getByLabel('Model').inputValue()).toBe('apart-b');
    expect(await field.inputValue()).toBe('');
    expect(await page.getByRole('radio', { name: 'Act' }).isChecked()).toBe(true);
    await field.fill('for b');
    await field.press('Enter');
    await sending.held;
    await field.fill('typed meanwhile');
    sending.release();
    await page.getByText('first').waitFor();
    expect(await field.inputValue()).toBe('typed meanwhile');
    expect(await portal.client.call('getRun', { run: 'apart-b' })).toMatchObject({ model: 'apart-b' });
    await page.getByRole('link', { name: 'apart-a' }).click();
    await page.getByLabel('What shall the agent do next in apart-a').waitFor();
    expect(await field.inputValue()).toBe('a draft for a');
    expect(await page.getByLabel('Model').inputValue()).toBe('scripted');
    await portal.client.call('run/rename', { run: 'apart-a', name: 'apart-c' });
    await page.getByLabel('What shall the agent do next in apart-c').waitFor();
    expect(await field.inputValue()).toBe('a draft for a');
  });

  it('{#portal_places} shows the entry that the address names, and begins from a link', async () => {
    const { run, path } = await live.accepted(portal.client, 'echo addressed');
    const more = await propose(run, 'echo other');
    expect(more.path).not.toBe(path);
    const { page } = await openPortal(portal.browser, live, `/runs/${run}/${encodeURIComponent(path)}`);
    await page.locator('article:focus').getByText('addressed', { exact: true }).waitFor();
  });

  it('{#portal_order} keeps every item at its place, also one that was told of while the run was still being read', async () => {
    const run = await runWith(live, portal.client, 'order', [{ say: 'I look first.' }]);
    await portal.client.call('act', { run, prompt: 'the prompt', wait: true });
    const { page } = await portal.browser.page();
    const { held, release: letPass } = await holdAnswers(page, 'getEntries');
    await page.goto(portalUrl(live, `/runs/${run}`));
    await held;
    const { path } = await propose(run, 'echo asked');
    await page.getByText('One proposal waits').waitFor();
    letPass();
    await page.getByText('Wants to run a command').waitFor();
    const places = ['prompt://loop_1/user', 'log://turn_1/model/text', path];
    expect(await order(page)).toEqual(places);
    await accept(page).click();
    await page.getByText('accepted by portal').waitFor();
    expect(await order(page)).toEqual(places);
  });

  it('{#portal_places} goes on with a run that somebody else has renamed', async () => {
    const { run } = await portal.client.call<{ run: string }>('startRun', { model: 'scripted', alias: 'before-name' });
    const { page } = await openPortal(portal.browser, live, `/runs/${run}`);
    await page.getByText('Nothing has happened yet.').waitFor();
    await propose(run, 'echo proposed before');
    await page.getByText('One proposal waits').waitFor();
    await portal.client.call('run/rename', { run, name: 'after-name' });
    await page.getByRole('heading', { name: 'after-name' }).waitFor();
    expect(page.url()).toContain('#/runs/after-name');
    await page.getByText('One proposal waits').waitFor();
    await accept(page).click();
    await page.getByText('accepted by portal').waitFor();
    await page.getByText('proposed before', { exact: true }).waitFor();
    await propose('after-name', 'echo proposed after');
    await page.getByText('sh(echo proposed after)').first().waitFor();
    expect(await page.getByRole('link', { name: /before-name/ }).count()).toBe(0);
  });

  it('{#portal_long} reads and draws the end of a long run only, and what is before on request', async () => {
    const { run } = await portal.client.call<{ run: string }>('startRun', { model: 'scripted', alias: 'long' });
    const first = await propose(run, 'echo the very first');
    for (let n = 0; n < 560; n += 140)
      await Promise.all(Array.from({ length: 140 }, (_, k) => portal.client.call('run/inject', { run, message: `message ${n + k}` })));
    const { page } = await portal.browser.page();
    const listed = new Set<string>();
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        for (const path of listedIn(payload)) listed.add(path);
      }),
    );
    await page.goto(portalUrl(live, `/runs/${run}`));
    await page.locator('article').nth(149).waitFor();
    expect(await page.locator('article').count()).toBe(150);
    expect(listed.size).toBe(500);
    await page.getByRole('button', { name: 'Show 150 items before' }).click();
    await page.locator('article').nth(299).waitFor();
    expect(await page.locator('article').count()).toBe(300);
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.locator('article:focus').getByText('echo the very first').first().waitFor();
    expect(decodeURIComponent(page.url())).toContain(first.path);
    expect(await page.locator('article').count()).toBe(561);
    expect(await page.getByRole('button', { name: /items before/ }).count()).toBe(0);
  });
});

/** Paths of the items of a run, as they stand on the page. */
function order(page: Page): Promise<(string | null)[]> {
  return page.locator('article').evaluateAll((items) => items.map((item) => item.getAttribute('data-path')));
}

/** Paths of the entries that a frame from the server lists. */
function listedIn(frame: string | Buffer): string[] {
  const { result } = JSON.parse(frame.toString()) as { result?: unknown };
  return Array.isArray(result)
    ? result.flatMap((row: { path?: string; category?: string }) => (row.category && row.path ? [row.path] : []))
    : [];
}

/** Keeps the answers to calls of a method from the page until they are let pass. */
async function holdAnswers(page: Page, to: string): Promise<{ held: Promise<void>; release: () => void }> {
  const waiting: (() => void)[] = [];
  let isHolding = true;
  let tell = () => {};
  const held = new Promise<void>((resolve) => (tell = resolve));
  await page.routeWebSocket(/\/rpc$/, (client) => {
    const server = client.connectToServer();
    const calls = new Set<unknown>();
    client.onMessage((message) => {
      const { id, method } = JSON.parse(message.toString()) as { id?: unknown; method?: string };
      if (method === to) calls.add(id);
      server.send(message);
    });
    server.onMessage((message) => {
      // A binary frame is output of a channel, never the answer to a call.
      if (typeof message !== 'string') return client.send(message);
      const { id } = JSON.parse(message) as { id?: unknown };
      if (!isHolding || !calls.has(id)) return client.send(message);
      waiting.push(() => client.send(message));
      tell();
    });
  });
  return {
    held,
    release: () => {
      isHolding = false;
      for (const pass of waiting) pass();
    },
  };
}
