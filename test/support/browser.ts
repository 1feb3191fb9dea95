import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's; a test tool's own download does not work everywhere. */
const CHROMIUM = '/usr/bin/chromium';

/** Where tests leave pictures of what they saw; git ignores it. */
const PICTURES = fileURLToPath(new URL('../../.artefacts/', import.meta.url));

/** A page, and everything about it that nobody should have to look for. */
export interface WatchedPage {
  readonly page: Page;
  /** Every address that the page asked for or opened a WebSocket to. */
  readonly requests: string[];
  /** Errors and warnings of the console, breaches of the content policy among them, and exceptions that nobody caught. */
  readonly complaints: string[];
}

/** A real Chromium with a new profile, without a window; opens pages until it is closed. */
export class Browser {
  readonly #context: BrowserContext;
  readonly #profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.#context = context;
    this.#profile = profile;
  }

  static async open(): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), 'headgate-chromium-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      headless: true,
      chromiumSandbox: process.getuid?.() !== 0,
      viewport: { width: 1280, height: 800 },
      args: ['--disable-gpu', '--disable-dev-shm-usage'],
    });
    context.setDefaultTimeout(20_000);
    return new Browser(context, profile);
  }

  /** A new page that records what it asks for and what it complains about. */
  async page(): Promise<WatchedPage> {
    const page = await this.#context.newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('websocket', (socket) => requests.push(socket.url()));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    return { page, requests, complaints };
  }

  /** Ends the browser with all its processes. */
  async close(): Promise<void> {
    await this.#context.close();
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Keeps a picture of the page as `.artefacts/NAME.png`. */
export async function picture(page: Page, name: string): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), animations: 'disabled' });
}
