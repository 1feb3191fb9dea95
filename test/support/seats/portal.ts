import { readFile } from 'node:fs/promises';
import type { Download, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { Browser, picture } from '../browser.ts';
import type { Gate } from '../gate.ts';
import type { LiveServer } from '../live-server.ts';
import { portalUrl } from '../portal.ts';
import { shownLines } from '../portal-lines.ts';
import { type Command, type Output, type Seat, SOON } from './seat.ts';

const LOST = 'The server cannot be reached';

/** The page of the run in Chromium, over the page's own WebSocket. */
export class PortalSeat implements Seat {
  readonly by = /^portal$/;
  readonly gate: Gate;
  readonly #browser: Browser;
  readonly #page: Page;

  private constructor(gate: Gate, browser: Browser, page: Page) {
    this.gate = gate;
    this.#browser = browser;
    this.#page = page;
  }

  /** @param gate - one on the server's own port: pages of other ports are refused */
  static async open(gate: Gate, live: LiveServer, host: string, run: string): Promise<PortalSeat> {
    const browser = await Browser.open();
    const { page } = await browser.page();
    page.setDefaultTimeout(40_000);
    // High enough for all of the run: what is out of sight reads no output.
    await page.setViewportSize({ width: 1280, height: 4000 });
    const url = new URL(portalUrl(live, `/runs/${encodeURIComponent(run)}`));
    url.hostname = host;
    await page.goto(url.href);
    await page.getByLabel('What shall the agent do next').waitFor();
    return new PortalSeat(gate, browser, page);
  }

  async propose(command: string): Promise<void> {
    await this.#page.getByLabel('What shall the agent do next').fill(`sh: ${command}`);
    await this.#page.getByRole('button', { name: 'Send' }).click();
  }

  async proposed(command: Command): Promise<void> {
    await this.#item(command).getByText('Wants to run a command').waitFor();
    await this.#item(command).getByText(command.command, { exact: true }).first().waitFor();
  }

  async accept(command: Command): Promise<void> {
    await this.#item(command).getByRole('button', { name: 'Accept a', exact: true }).click();
  }

  async answered(command: Command, by: RegExp): Promise<void> {
    await this.#item(command)
      .getByText(new RegExp(`accepted by ${by.source.replaceAll(/[$^]/g, '')}`))
      .waitFor();
  }

  async running(command: Command): Promise<void> {
    await this.#item(command)
      .getByText(/^running/)
      .first()
      .waitFor();
  }

  async cancel(command: Command): Promise<void> {
    await this.#item(command).getByRole('button', { name: 'Cancel c' }).click();
  }

  async cancelled(command: Command): Promise<void> {
    await this.#item(command)
      .getByText(/^(cancelled|aborted)/)
      .first()
      .waitFor();
  }

  async output(command: Command): Promise<Output> {
    const downloads: Download[] = [];
    const take = (download: Download) => void downloads.push(download);
    this.#page.on('download', take);
    await this.#item(command).getByRole('button', { name: 'Download' }).click();
    await expect.poll(() => downloads.length, SOON).toBe(2);
    this.#page.off('download', take);
    const of = async (channel: number) => {
      const found = downloads.find((download) => download.suggestedFilename().endsWith(`_${channel}.log`));
      return await readFile((await found?.path()) ?? '');
    };
    return { stdout: await of(1), stderr: await of(2) };
  }

  async lost(): Promise<void> {
    await this.#page.getByText(LOST).waitFor();
  }

  async watch(): Promise<void> {}

  async lines(command: Command, last: string) {
    const item = this.#item(command);
    await item.scrollIntoViewIfNeeded();
    const shown = () => shownLines(item);
    await expect.poll(async () => (await shown()).at(-1)?.text, SOON).toBe(last);
    const rows = await shown();
    const first = rows[0]?.number ?? 0;
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => first + index));
    return { first, lines: rows.map(({ text }) => text) };
  }

  async times(command: Command): Promise<number> {
    return await this.#item(command).count();
  }

  /** Leaves a picture of the page among the artefacts. */
  async picture(name: string): Promise<void> {
    await picture(this.#page, name);
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }

  #item({ path }: Command): Locator {
    return this.#page.locator(`article[data-path="${path}"]`);
  }
}
