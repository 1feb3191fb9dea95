import { chromium } from 'playwright-core';

/** Debian's. */
const CHROMIUM = '/usr/bin/chromium';

/** A Chromium without a window and with a profile of its own, for as long as the scope is open. */
export async function startBrowser(scope) {
  const context = await chromium.launchPersistentContext(scope.folder(), {
    executablePath: CHROMIUM,
    headless: true,
    chromiumSandbox: process.getuid?.() !== 0,
    viewport: { width: 1280, height: 800 },
    args: ['--disable-gpu', '--disable-dev-shm-usage'],
  });
  scope.add(() => context.close());
  return context;
}

/** Notes how long each frame of a page takes, from now on. */
export function watchFrames(page) {
  return page.evaluate(() => {
    let last = performance.now();
    globalThis.frameMs = [];
    const frame = (at) => {
      globalThis.frameMs.push(at - last);
      last = at;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

/** The frames since the last call, milliseconds. */
export function takeFrames(page) {
  return page.evaluate(() => globalThis.frameMs.splice(0));
}

/** Bytes of the page's own memory after a collection, MiB. */
export async function heapMiB(page) {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize / 2 ** 20;
  } finally {
    await session.detach();
  }
}
