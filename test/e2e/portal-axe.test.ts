import axe from 'axe-core';
import { describe, expect, it, vi } from 'vitest';
import { picture } from '../support/browser.ts';
import { ended } from '../support/live-server.ts';
import { openPortal, portalServer } from '../support/portal.ts';
import { serviceAvailable } from '../support/require.ts';

// A browser on a machine that is busy with other tests takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** Every colour of a terminal as text and as ground, and what test runners print. */
const COLOURS = [
  `printf '\\033[42;30m PASS \\033[0m \\033[2;32mdim\\033[0m \\033[7;31minverse\\033[0m\\n'`,
  `for c in 0 1 2 3 4 5 6 7; do printf "\\033[3\${c}mt$c\\033[0m \\033[9\${c}mb$c\\033[0m \\033[4\${c}mg$c\\033[0m "; done; echo`,
].join('; ');

describe.skipIf(!serviceAvailable('chromium'))('{#portal_axe} axe finds nothing', () => {
  const portal = portalServer();
  const { live } = portal;

  /** What axe finds in the page, light and dark, once `text` is there. */
  async function violations(to: string, text: string): Promise<string[]> {
    const { page } = await openPortal(portal.browser, live, to);
    await page.getByText(text).first().waitFor();
    await page.evaluate(axe.source);
    const found: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      found.push(
        ...(await page.evaluate<string[]>(
          `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => \`\${id}: \${nodes[0].html}\`))`,
        )),
      );
      await picture(page, `portal-axe-${colorScheme}`);
    }
    await page.close();
    return found;
  }

  it('in output of every colour', async () => {
    const place = await live.accepted(portal.client, COLOURS);
    await ended(portal.client, place);
    expect(await violations(`/runs/${place.run}/${encodeURIComponent(place.path)}`, 'PASS')).toEqual([]);
  });

  it('in a long run with proposals, of which the beginning is not shown', async () => {
    const { run } = await portal.client.call<{ run: string }>('startRun', { model: 'scripted' });
    for (let each = 0; each < 160; each++) await portal.client.call('sh', { run, command: `echo ${each}` });
    expect(await violations(`/runs/${run}`, 'items before')).toEqual([]);
    // The first page, with all that waits for somebody.
    expect(await violations('/runs', 'Needs you')).toEqual([]);
  });
});
