import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { stringify } from 'yaml';
import { Browser, type WatchedPage } from './browser.ts';
import type { WireClient } from './built-server.ts';
import { LiveServer } from './live-server.ts';

/** A server, a browser for its portal, and a client elsewhere. */
export class PortalServer {
  readonly live = new LiveServer();
  browser!: Browser;
  client!: WireClient;
}

/** These three for the tests of a group: opened before its tests, and ended after the last. */
export function portalServer(): PortalServer {
  const portal = new PortalServer();
  beforeAll(async () => {
    await portal.live.open();
    portal.client = await portal.live.client('elsewhere');
    portal.browser = await Browser.open();
  });
  afterAll(async () => {
    await portal.browser?.close();
    await portal.live.close();
  });
  return portal;
}

/** The portal as `headgate portal` prints its address. */
export function portalUrl({ server, root }: LiveServer, to = '/runs', { token }: { token: string } = server): string {
  return `${server.http}/portal/#${new URLSearchParams({ token, project: root, to }).toString()}`;
}

/** The portal in a new page, at a place of it. */
export async function openPortal(browser: Browser, live: LiveServer, to?: string, as?: { token: string }): Promise<WatchedPage> {
  const watched = await browser.page();
  await watched.page.goto(portalUrl(live, to, as));
  await watched.page.getByText('Headgate').first().waitFor();
  return watched;
}

/** One turn of a model: what it says and the tools it calls. */
export interface Step {
  readonly say?: string;
  readonly calls?: readonly { readonly tool: string; readonly input: Record<string, unknown> }[];
}

/** Adds a model that does these steps, one a turn, and opens a run of the same name for it. */
export async function runWith(live: LiveServer, client: WireClient, name: string, steps: readonly Step[]): Promise<string> {
  await writeFile(join(live.root, `${name}.yaml`), stringify({ steps }));
  await client.call('addModel', { alias: name, actual: `${name}.yaml`, provider: 'scripted' });
  await client.call('startRun', { model: name, alias: name });
  return name;
}

/** A command that goes on until the test makes a file of that name. */
export function waitsFor(file: string): string {
  return `until [ -e ${file} ]; do sleep 0.05; done`;
}

/** Lets a command that waits for the file go on. */
export async function release(live: LiveServer, file: string): Promise<void> {
  await writeFile(join(live.root, file), '');
}
