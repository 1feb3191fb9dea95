import { mkdir } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Browser, picture } from '../support/browser.ts';
import { WireClient } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { LiveServer } from '../support/live-server.ts';
import { openPortal, portalUrl, runWith } from '../support/portal.ts';
import { serviceAvailable } from '../support/require.ts';

// A browser on a machine that is busy with other tests takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const live = new LiveServer();
beforeAll(async () => {
  await live.open();
  await live.client();
});
afterAll(() => live.close());

/** Asks for a path exactly as it is written, which `fetch` would tidy up. */
function status(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(live.server.http);
    const asked = request({ hostname, port, path, method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject).end();
  });
}

describe('{#portal_page} the files of the portal', () => {
  it('are served without a token, with a policy that allows no other source and no frame', async () => {
    const page = await fetch(`${live.server.http}/portal/`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    const text = await page.text();
    expect(text).not.toMatch(/<script(?![^>]* src="\.\/assets\/)/);
    const [, script = ''] = /<script[^>]* src="([^"]+)"/.exec(text) ?? [];
    const asset = await fetch(new URL(script, `${live.server.http}/portal/`));
    expect(asset.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  it('are nothing but what was built, asked for by GET and HEAD, under a name of the server', async () => {
    for (const path of [
      '/portal/../package.json',
      '/portal/%2e%2e/src/main.js',
      '/portal/assets/',
      '/portal/..%2f..%2fetc/passwd',
      '/portal//index.html',
      '/portal/%00',
      '/portal/index.html%00.js',
      '/portal/assets/..%5cindex.html',
      '/PORTAL/',
    ]) {
      expect(await status(path), path).toBe(404);
    }
    expect(await status('/portal/', {}, 'HEAD')).toBe(200);
    expect(await status('/portal/', {}, 'POST')).toBe(405);
    expect(await status('/portal/', { host: 'evil.example' })).toBe(403);
    expect(await status('/')).toBe(302);
  });
});

describe('{#session} getProjects', () => {
  it('lists projects before init, with a token of scope read', async () => {
    const client = await live.client();
    const { token } = await client.call<{ token: string }>('token/add', { name: 'looker', scope: 'read' });
    const ask = async (bearer: string) => {
      const response = await fetch(`${live.server.http}/rpc`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}` },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'getProjects', params: {} }),
      });
      return (await response.json()) as object;
    };
    expect(await ask(token)).toMatchObject({ result: [{ name: 'test', projectRoot: live.root }] });
    const { token: runner } = await client.call<{ token: string }>('token/add', { name: 'machine', scope: 'runner' });
    expect(await ask(runner)).toMatchObject({ error: { data: { name: 'forbidden' } } });
  });
});

describe('{#cli_portal} headgate portal', () => {
  it('prints the address with token, project and run', async () => {
    const { out, code } = await cli(['portal', '--data', live.data, 'my-run'], { cwd: live.root });
    expect(code).toBe(0);
    expect(out.trim()).toBe(portalUrl(live, '/runs/my-run'));
  });
});

describe.skipIf(!serviceAvailable('chromium'))('{#portal_access} who may use the portal', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await Browser.open();
  });
  afterAll(() => browser?.close());

  it('is whoever has the token, which leaves the address at once and stays with the tab', async () => {
    const { page, requests, complaints } = await openPortal(browser, live);
    await page.getByPlaceholder('What shall the agent do?').waitFor();
    expect(page.url()).toBe(`${live.server.http}/portal/#/runs`);
    await page.reload();
    await page.getByPlaceholder('What shall the agent do?').waitFor();
    expect(complaints).toEqual([]);
    const hosts = new Set(requests.map((url) => new URL(url).host));
    expect([...hosts]).toEqual([new URL(live.server.http).host]);
    expect(requests.filter((url) => url.includes(live.server.token))).toEqual([]);
  });

  it('is no page of another origin: no frame, no connection and no answer for it, even with the token', async () => {
    const { page } = await browser.page();
    const other = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<title>other</title>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
      const seen = await page.evaluate(
        async ({ http, token }) => {
          const socket = new WebSocket(`${http.replace('http', 'ws')}/rpc`, ['headgate', `bearer.${token}`]);
          const opened = await new Promise((resolve) => {
            socket.onopen = () => resolve(true);
            socket.onerror = () => resolve(false);
          });
          const headers = { authorization: `Bearer ${token}` };
          const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: {} });
          const answered = await fetch(`${http}/rpc`, { method: 'POST', headers, body }).then(
            () => true,
            () => false,
          );
          const frame = document.createElement('iframe');
          frame.src = `${http}/portal/`;
          const loaded = new Promise((resolve) => (frame.onload = resolve));
          document.body.append(frame);
          await loaded;
          return { opened, answered };
        },
        { http: live.server.http, token: live.server.token },
      );
      expect(seen).toEqual({ opened: false, answered: false });
      expect(await page.frameLocator('iframe').locator('headgate-portal').count()).toBe(0);
    } finally {
      other.closeAllConnections();
      other.close();
    }
  });

  it('asks for a token where there is none, says when it is wrong, and shows the projects there are', async () => {
    const { page } = await browser.page();
    await page.goto(`${live.server.http}/`);
    await page.getByLabel('Token').fill('wrong');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('The server does not take this token.').waitFor();
    await picture(page, 'portal-token');
    await page.getByLabel('Token').fill(live.server.token);
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByPlaceholder('What shall the agent do?').waitFor();
    await page.getByTitle('Open another project').click();
    await page.getByLabel('Another folder').waitFor();
    await page.getByRole('button', { name: live.root }).click();
    await page.getByPlaceholder('What shall the agent do?').waitFor();
  });

  it('follows a link to another project that is opened in its tab', async () => {
    const root = join(live.root, 'other');
    await mkdir(root);
    const other = await WireClient.connect(live.server);
    await other.call('init', { name: 'other', projectRoot: root });
    for (const [client, words] of [
      [await live.client(), 'said in the first'],
      [other, 'said in the second'],
    ] as const) {
      await client.call('startRun', { model: 'scripted', alias: 'namesake' });
      await client.call('run/inject', { run: 'namesake', message: words });
    }
    await other.close();
    const { page } = await openPortal(browser, live, '/runs/namesake');
    await page.getByText('said in the first').waitFor();
    const keys = new URLSearchParams({ token: live.server.token, project: root, to: '/runs/namesake' });
    await page.goto(`${live.server.http}/portal/#${keys.toString()}`);
    await page.getByText('said in the second').waitFor();
    expect(await page.getByText('said in the first').count()).toBe(0);
  });

  it('forgets a token that the server refuses', async () => {
    const { page } = await browser.page();
    await page.goto(`${live.server.http}/portal/#token=wrong&to=/runs`);
    await page.getByText('The server does not take this token.').waitFor();
    await page.reload();
    await page.getByLabel('Token').waitFor();
    expect(await page.getByText('The server does not take this token.').count()).toBe(0);
    await page.goto(`${live.server.http}/portal/#token=wrong&to=/runs`);
    await page.getByText('The server does not take this token.').waitFor();
  });

  it('keeps the token when a folder cannot be opened, or the server has no time', async () => {
    const { page } = await openPortal(browser, live);
    await page.getByTitle('Open another project').click();
    await page.getByLabel('Another folder').fill(join(live.root, 'no-such-folder'));
    await page.getByRole('button', { name: 'Open this folder' }).click();
    await page.getByText('no-such-folder').waitFor();
    await page.getByRole('button', { name: new RegExp(`${live.root}$`) }).click();
    await page.getByPlaceholder('What shall the agent do?').waitFor();
    const error = { code: -32005, message: 'too much at once', data: { name: 'overloaded' } };
    await page.route('**/rpc', (route) => route.fulfill({ json: { jsonrpc: '2.0', id: 1, error } }));
    await page.reload();
    await page.getByText('too much at once').waitFor();
    await page.unroute('**/rpc');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByPlaceholder('What shall the agent do?').waitFor();
  });
});

describe.skipIf(!serviceAvailable('chromium'))('{#portal_text} what comes from elsewhere', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await Browser.open();
  });
  afterAll(() => browser?.close());

  it('stays text, whoever says it and wherever it stands', async () => {
    const evil = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';
    const client = await live.client();
    const run = await runWith(live, client, 'evil', [
      {
        say: `**bold** ${evil}\n\`\`\`\n${evil}\n\`\`\``,
        calls: [{ tool: 'set', input: { path: 'file://evil.html', body: `${evil}\n` } }],
      },
    ]);
    await client.call('act', { run, prompt: `look at ${evil}` });
    const { page, requests, complaints } = await openPortal(browser, live, `/runs/${run}`);
    await page.getByRole('article', { name: 'Prompt' }).getByText(`look at ${evil}`).waitFor();
    await page.getByText(`+${evil}`).waitFor();
    await page.getByRole('button', { name: 'Reject r' }).click();
    await page.getByLabel('Reason for the rejection').fill(evil);
    await page.keyboard.press('Enter');
    await page.getByText('rejected by portal').waitFor();
    expect(await page.evaluate('window.hit')).toBeUndefined();
    expect(await page.locator('img, script:not([src])').count()).toBe(0);
    expect(requests.filter((url) => url.endsWith('/x'))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('is shown whole and as it is where somebody decides on it', async () => {
    const client = await live.client();
    const lines = Array.from({ length: 600 }, (_, n) => `line ${n}`).join('\n');
    const run = await runWith(live, client, 'whole', [
      { calls: [{ tool: 'set', input: { path: 'file://long.txt', body: `${lines}\nthe very last\n` } }] },
      { calls: [{ tool: 'sh', input: { command: 'echo safe\u202e; echo \u0007hidden' } }] },
    ]);
    await client.call('act', { run, prompt: 'go on' });
    const { page } = await openPortal(browser, live, `/runs/${run}`);
    await page.getByText(/The other \d+ lines/).click();
    await page.getByText('+the very last').waitFor();
    await page.getByRole('button', { name: 'Accept a', exact: true }).click();
    await page.getByLabel('Command', { exact: true }).getByText('echo safe⟨U+202E⟩; echo ⟨U+0007⟩hidden', { exact: true }).waitFor();
  });

  it('{#portal_answers} says how much of a long command is not shown, and shows it', async () => {
    const client = await live.client();
    const command = `${Array.from({ length: 40 }, (_, n) => `echo step ${n}`).join('\n')}\nrm -rf build`;
    const run = await runWith(live, client, 'long', [{ calls: [{ tool: 'sh', input: { command } }] }]);
    await client.call('act', { run, prompt: 'go on' });
    const { page } = await openPortal(browser, live, `/runs/${run}`);
    const shown = page.getByLabel('Command', { exact: true });
    await shown.waitFor();
    expect(await shown.textContent()).not.toContain('rm -rf');
    // The rule that a rejection would write holds line feeds, which are blanks on a page.
    await page.getByText('sh(echo step 0⟨LF⟩echo step 1⟨LF⟩').waitFor();
    await page.getByRole('button', { name: '29 more lines' }).click();
    await shown.getByText('rm -rf build').waitFor();
    // The whole of it is on the page and in no box that scrolls.
    expect(await shown.evaluate((box) => box.scrollHeight <= box.clientHeight + 2)).toBe(true);
  });

  it('may be an address of any length and content', async () => {
    const { page, complaints } = await openPortal(browser, live, `/runs/${'x'.repeat(500_000)}`);
    await page.locator('headgate-timeline').getByRole('alert').waitFor();
    await page.goto(`${live.server.http}/portal/#/runs/%3Cimg src=x onerror=alert(1)%3E/%E0%A4%A/javascript:alert(1)`);
    await page.locator('headgate-timeline').getByRole('alert').waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});
