import { heapMiB, startBrowser, takeFrames, watchFrames } from '../lib/browser.mjs';
import { followOnPage } from '../lib/floor-page.mjs';
import { limited, limitPeer } from '../lib/limits.mjs';
import { Scope, within } from '../lib/scope.mjs';
import { percentile } from '../lib/stats.mjs';
import { Wire } from '../lib/wire.mjs';

const LINE = 'line %010.0f of a log whose lines have sixty-four bytes each';
const LINE_BYTES = 64;
const LINES = 1_562_500;
const QUICK_LINES = 400_000;
const TICKING = 'i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.05; done';
const SCROLLS = 100;
const END_MS = 120_000;
const LIVE_MS = 1000;
const FRAME_MS = 200;
const HEAP_MIB = 32;
const FLOOR = 'a page with nothing but a WebSocket and its last lines, nothing stored';

const size = '100 MB of output, 1.6 million lines,';

export const portal = {
  results: [
    limited(LIVE_MS, 'ms', {
      name: 'portal-live',
      what: "from opening a run's page in the portal, in Chromium, to the first line of a command that runs",
      floor: `${FLOOR}, from its script on`,
    }),
    {
      name: 'portal-follow',
      what: `${size} from acceptance to the last line in the portal`,
      unit: 'MB/s',
      floor: FLOOR,
      against: FLOOR,
      target: { atLeast: 0.5 },
    },
    limited(FRAME_MS, 'ms', {
      name: 'portal-follow-frame',
      what: 'the longest frame of the page meanwhile',
      floor: FLOOR,
    }),
    limited(FRAME_MS, 'ms', {
      name: 'portal-scroll-frame',
      what: `the longest frame while ${size} are scrolled through: by the wheel, and by jumps over all of it`,
      floor: 'the same wheel in the other page, which has 40 lines',
    }),
    limited(HEAP_MIB, 'MiB', {
      name: 'portal-memory',
      what: `what the portal's page keeps in memory of ${size} after it was followed and scrolled through`,
      floor: FLOOR,
    }),
  ],
  drivesServer: true,
  async measure({ server, floor, quick }) {
    const lines = quick ? QUICK_LINES : LINES;
    const scope = new Scope();
    try {
      const browser = await startBrowser(scope);
      const wire = await Wire.connect(server);
      scope.add(() => wire.close());
      const liveMs = await firstLine(browser, server, wire);
      const ours = await followed(browser, server, wire, lines);
      const theirs = await floorPage(browser, floor, lines);
      const frames = limitPeer(FRAME_MS, 'ms');
      return {
        'portal-live': { value: liveMs, floor: theirs.firstMs, peers: limitPeer(LIVE_MS, 'ms') },
        'portal-follow': { value: ours.rate, floor: theirs.rate, peers: {} },
        'portal-follow-frame': {
          value: Math.max(...ours.following),
          floor: Math.max(...theirs.following),
          peers: { ...frames, 'p99, ms': percentile(ours.following, 99) },
        },
        'portal-scroll-frame': {
          value: Math.max(...ours.scrolling),
          floor: Math.max(...theirs.scrolling),
          peers: { ...frames, 'p99, ms': percentile(ours.scrolling, 99), 'to any line by its number, ms': ours.jumpMs },
        },
        'portal-memory': { value: ours.heap, floor: theirs.heap, peers: limitPeer(HEAP_MIB, 'MiB') },
      };
    } finally {
      await scope.close();
    }
  },
};

/** Proposes a command in a new run and accepts it. */
async function accepted(wire, command) {
  const { run } = await wire.call('startRun', { model: 'scripted' });
  const { path } = await wire.call('sh', { run, command });
  await wire.accept(run, path);
  return { run, path };
}

async function openRun(browser, { url, token, root }, run) {
  const page = await browser.newPage();
  await page.addInitScript(notesFirstLine);
  const keys = new URLSearchParams({ token, project: root, to: `/runs/${run}` });
  await page.goto(`${url.replace(/^ws/, 'http').replace(/\/rpc$/, '')}/portal/#${keys}`);
  return page;
}

/** Runs in the page: notes when the first line of any output is on it. */
function notesFirstLine() {
  const rows = (root) =>
    root.querySelector('.row .text') ?? [...root.querySelectorAll('*')].map((one) => one.shadowRoot && rows(one.shadowRoot)).find(Boolean);
  const look = () => {
    if (rows(document)) globalThis.firstLineMs = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function firstLine(browser, server, wire) {
  const { run, path } = await accepted(wire, TICKING);
  const page = await openRun(browser, server, run);
  try {
    await page.locator('headgate-log .row').first().waitFor();
    return await page.evaluate(() => globalThis.firstLineMs);
  } finally {
    await page.close();
    await wire.call('stream/cancel', { run, path });
  }
}

/** The last number that stands before a line of the page. */
const lastLine = (page) => page.locator('headgate-log .row .number').last().innerText({ timeout: END_MS });

async function shows(page, number, start) {
  while (Number(await lastLine(page)) !== number)
    if (performance.now() - start > END_MS) throw new Error(`the page did not come to line ${number}`);
}

async function followed(browser, server, wire, lines) {
  const { run } = await wire.call('startRun', { model: 'scripted' });
  const { path } = await wire.call('sh', { run, command: `seq -f '${LINE}' 1 ${lines}` });
  const page = await openRun(browser, server, run);
  try {
    await page.getByRole('button', { name: 'Accept' }).first().waitFor();
    await watchFrames(page);
    const start = performance.now();
    await wire.accept(run, path);
    await shows(page, lines, start);
    const seconds = (performance.now() - start) / 1000;
    const following = await takeFrames(page);
    // Of the command's channels the first, standard output.
    const log = page.locator('headgate-log').first();
    await log.locator('.view').hover();
    await takeFrames(page);
    for (let step = 0; step < SCROLLS; step++) await page.mouse.wheel(0, -400);
    await log.locator('.view').evaluate(async (view, steps) => {
      for (let step = 0; step < steps; step++) {
        view.scrollTop = ((view.scrollHeight - view.clientHeight) * step) / steps;
        await new Promise(requestAnimationFrame);
      }
    }, SCROLLS);
    const scrolling = await takeFrames(page);
    const jumpMs = await log.evaluate(
      async (element, number) => {
        const begin = performance.now();
        element.goTo(number);
        const isThere = () =>
          [...element.renderRoot.querySelectorAll('.row')].some(
            (row) => !row.matches('.pending') && row.textContent.startsWith(`${number}line`),
          );
        while (!isThere()) await new Promise(requestAnimationFrame);
        return performance.now() - begin;
      },
      Math.floor(lines / 3),
    );
    return { rate: (lines * LINE_BYTES) / 1e6 / seconds, following, scrolling, jumpMs, heap: await heapMiB(page) };
  } finally {
    await page.close();
  }
}

async function floorPage(browser, { url }, lines) {
  const page = await browser.newPage();
  try {
    await page.setContent('<body style="height: 400px; overflow: auto"></body>');
    await watchFrames(page);
    const command = ['seq', '-f', LINE, '1', String(lines)];
    const { bytes, firstMs, seconds } = await within(END_MS, 'the floor page', page.evaluate(followOnPage, { url, command, lines: 40 }));
    if (bytes !== lines * LINE_BYTES) throw new Error(`the floor page got ${bytes} bytes of ${lines * LINE_BYTES}`);
    const following = await takeFrames(page);
    await page.mouse.move(200, 200);
    for (let step = 0; step < SCROLLS; step++) await page.mouse.wheel(0, step % 20 < 10 ? 400 : -400);
    return { firstMs, rate: bytes / 1e6 / seconds, following, scrolling: await takeFrames(page), heap: await heapMiB(page) };
  } finally {
    await page.close();
  }
}
