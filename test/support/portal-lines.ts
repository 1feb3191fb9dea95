import type { Locator, Page } from 'playwright-core';

/** Lines that a channel's view has on the page, or in a part of it: number and text. */
export function shownLines(page: Page | Locator, channel = 1): Promise<{ number: number; text: string }[]> {
  return page.locator(`headgate-log[data-channel="${channel}"] .row`).evaluateAll((rows) =>
    rows.map((row) => ({
      number: Number(row.querySelector('.number')?.textContent),
      text: row.querySelector('.text')?.textContent ?? '',
    })),
  );
}
