import { parentPort } from 'node:worker_threads';
import { Screen } from './screen.mjs';

/**
 * Draws pictures in a thread of its own: one of a large terminal takes a second (SPEC {#screen}, {#no_pause}). Takes `{begin}`, then `{page}`
 * as often as there is output, each replied to with `{}`, then `{finish}`, which is replied to with the picture.
 *
 * @typedef {import('./screen.mjs').ScreenSize & { pipes: boolean }} Begin
 * @typedef {{ replay: boolean, html: boolean }} Finish
 */

/** @type {Screen | undefined} */
let screen;
const encoder = new TextEncoder();

/** @param {Screen} drawn @param {Finish} wanted */
function pictureOf(drawn, { replay, html }) {
  const rows = drawn.text();
  const ends = new Uint32Array(rows.length);
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    bytes += Buffer.byteLength(row) + 1;
    ends[index] = bytes;
  }
  const text = encoder.encode(rows.map((row) => `${row}\n`).join(''));
  const replayed = encoder.encode(replay ? drawn.replay() : '');
  const page = html ? drawn.html() : { html: '', cut: false };
  const markup = encoder.encode(page.html);
  const { cursor, isAlternate: alternate } = drawn;
  return { cursor, alternate, text, ends, replay: replayed, html: markup, cut: page.cut };
}

parentPort?.on('message', async (/** @type {{ begin?: Begin, page?: Uint8Array, finish?: Finish }} */ { begin, page, finish }) => {
  if (begin) {
    screen?.dispose();
    screen = new Screen(begin, undefined, begin.pipes);
  }
  if (page) await screen?.write(page);
  if (!finish || !screen) return parentPort?.postMessage({});
  const picture = pictureOf(screen, finish);
  screen.dispose();
  screen = undefined;
  const { text, ends, replay, html } = picture;
  parentPort?.postMessage(
    picture,
    [text, ends, replay, html].map(({ buffer }) => buffer),
  );
});
