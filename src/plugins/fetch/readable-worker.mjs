import { parentPort, workerData } from 'node:worker_threads';
import { Parser } from 'htmlparser2';

/** Elements within each other beyond which a page is not read on: the parser looks through all that are open at every end of one. */
const MAX_DEPTH = 512;
/** Characters of a page after which it is looked how deep it is. */
const PIECE_CHARS = 16 * 1024;

const SKIPPED = new Set(['title', 'script', 'style', 'noscript', 'template', 'svg', 'iframe', 'head', 'object']);
/** They begin on a line of their own, without an empty one before. */
const ROWS = new Set(['li', 'tr', 'dt', 'dd']);
const BLOCKS = new Set([
  ...['p', 'div', 'section', 'article', 'header', 'footer', 'main', 'aside', 'nav', 'ul', 'ol', 'li', 'table', 'tr', 'blockquote', 'pre'],
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'form', 'fieldset', 'dl', 'dt', 'dd', 'figure', 'figcaption', 'hr', 'details', 'summary'],
]);

/**
 * An HTML document as text that a model reads well: headings, lists, links with their targets, preformatted text as it is. `cut`: it is nested
 * so deeply that the rest was not read.
 *
 * @param {string} html
 * @param {URL} base
 * @returns {{ text: string, cut: boolean }}
 */
export function readableText(html, base) {
  /** @type {string[]} */
  const parts = [];
  /** @type {string[]} */
  const links = [];
  let depth = 0;
  let skipped = 0;
  let preformatted = 0;
  let title = '';
  let inTitle = false;
  const atStart = () => parts.at(-1)?.endsWith('\n') ?? true;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        depth++;
        if (name === 'title' && title === '') inTitle = true;
        if (SKIPPED.has(name)) skipped++;
        if (skipped > 0) return;
        if (name === 'br' || (BLOCKS.has(name) && !(ROWS.has(name) && atStart()))) parts.push('\n');
        if (/^h[1-6]$/.test(name)) parts.push('\n', '#'.repeat(Number(name[1])), ' ');
        if (name === 'li') parts.push('- ');
        if (name === 'td' || name === 'th') parts.push(' | ');
        if (name === 'pre') preformatted++;
        if (name === 'a') links.push(targetOf(attributes['href'], base));
        if (name === 'img' && attributes['alt']) parts.push(`[image: ${attributes['alt']}]`);
      },
      ontext(text) {
        if (inTitle) title += text;
        if (skipped > 0) return;
        const words = preformatted > 0 ? text : text.replaceAll(/\s+/g, ' ');
        parts.push(preformatted === 0 && atStart() ? words.trimStart() : words);
      },
      onclosetag(name) {
        depth--;
        if (name === 'title') inTitle = false;
        if (SKIPPED.has(name)) skipped = Math.max(0, skipped - 1);
        if (skipped > 0) return;
        if (name === 'pre') preformatted = Math.max(0, preformatted - 1);
        if (name === 'a') {
          const target = links.pop();
          if (target) parts.push(` <${target}>`);
        }
        if (BLOCKS.has(name) && !(ROWS.has(name) && atStart())) parts.push('\n');
      },
    },
    { decodeEntities: true },
  );
  let at = 0;
  while (at < html.length && depth <= MAX_DEPTH) {
    // Cut where a tag may begin, so that no text is told in two.
    const next = html.indexOf('<', at + PIECE_CHARS);
    const end = next < 0 ? html.length : next;
    parser.write(html.slice(at, end));
    at = end;
  }
  const cut = at < html.length;
  parser.end();
  const text = parts
    .join('')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
  const heading = title.replaceAll(/\s+/g, ' ').trim();
  return { text: `${heading === '' ? '' : `${heading}\n\n`}${text}\n`, cut };
}

/** @param {string | undefined} href @param {URL} base */
function targetOf(href, base) {
  if (href === undefined || href.startsWith('#') || !URL.canParse(href, base.href)) return '';
  const url = new URL(href, base);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : '';
}

/** @param {Uint8Array} page @param {string} charset */
function textOf(page, charset) {
  try {
    return new TextDecoder(charset).decode(page);
  } catch {
    return new TextDecoder().decode(page);
  }
}

// As a thread it reads the pages that it is given; a module that imports it calls readableText itself.
if (workerData?.reads === 'pages') {
  parentPort?.on('message', (/** @type {{ page: Uint8Array, charset: string, base: string }} */ { page, charset, base }) => {
    const { text, cut } = readableText(textOf(page, charset), new URL(base));
    const bytes = new TextEncoder().encode(text);
    parentPort?.postMessage({ text: bytes, cut }, [bytes.buffer]);
  });
}
