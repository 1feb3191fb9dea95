import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import picomatch from 'picomatch';

/**
 * Looks through files for lines that match, in a thread of its own: a pattern that would run for hours is ended with the thread
 * (SPEC {#tool_search}). Posts `{found, path, lines}` and `{warning, path?}`, `{at}` and `{}` now and then, and `{done}` at last.
 *
 * @type {{
 *   root: string, start: string, pattern: string, flags: string, include: string[], exclude: string[], hidden: boolean, ignored: boolean,
 *   context: number, filesOnly: boolean, maxMatches: number, maxBytes: number, maxFileBytes: number
 * }}
 */
const job = workerData;
/** Characters of a line that are looked at, and that are shown. */
const LINE_CHARS = 64 * 1024;
const SHOWN_CHARS = 500;
const SIGN_MS = 100;
/** Bytes of an ignore file beyond which it leaves nothing out. */
const MAX_IGNORE_BYTES = 1024 * 1024;
const IGNORE_FILES = ['.gitignore', '.ignore'];
const MATCH = { dot: true, nonegate: true };

const pattern = new RegExp(job.pattern, job.flags);
const included = job.include.length === 0 ? () => true : picomatch(job.include.map(anywhere), MATCH);
const excluded = job.exclude.length === 0 ? () => false : picomatch(job.exclude.map(anywhere), MATCH);
const counts = { files: 0, matches: 0, matchedFiles: 0, binary: 0, bytes: 0 };
let signAt = 0;
let namedAt = 0;
let outBytes = 0;
/** @type {string | undefined} */
let stopped;

/** @param {object} message */
const post = (message) => parentPort?.postMessage(message);

/** A glob without a slash means a name in any folder. @param {string} glob */
function anywhere(glob) {
  return glob.includes('/') ? glob.replace(/^\//, '') : `**/${glob}`;
}

/** @param {string} text @param {string} path @param {number} lines that match */
function give(text, path, lines) {
  outBytes += Buffer.byteLength(text);
  post({ found: text, path, lines });
  if (outBytes >= job.maxBytes) stopped = `the results have reached ${job.maxBytes} bytes`;
}

/**
 * The rules of one ignore file: the last one that matches counts.
 * @param {string} folder relative to the root, '' for the root @param {string} text
 */
function rulesOf(folder, text) {
  const base = folder === '' ? '' : `${folder}/`;
  return text.split(/\r?\n/).flatMap((line) => {
    let glob = line.replace(/(?<!\\) +$/, '');
    if (glob === '' || glob.startsWith('#')) return [];
    const again = glob.startsWith('!');
    if (again) glob = glob.slice(1);
    glob = glob.replace(/^\\(?=[#!])/, '');
    const folders = glob.endsWith('/');
    if (folders) glob = glob.slice(0, -1);
    glob = glob.includes('/') ? glob.replace(/^\//, '') : `**/${glob}`;
    if (glob === '' || glob === '**/') return [];
    const test = picomatch(glob, MATCH);
    return [{ again, folders, /** @param {string} path */ test: (path) => path.startsWith(base) && test(path.slice(base.length)) }];
  });
}

/** @param {string} folder relative @returns {ReturnType<typeof rulesOf>} */
function rulesIn(folder) {
  if (job.ignored) return [];
  return IGNORE_FILES.flatMap((name) => {
    try {
      return rulesOf(
        folder,
        withFile(join(job.root, folder, name), ({ fd, size }) => (size > MAX_IGNORE_BYTES ? '' : readFileSync(fd, 'utf8'))),
      );
    } catch {
      return [];
    }
  });
}

/** @param {string} path @param {boolean} isFolder @param {ReturnType<typeof rulesOf>} rules */
function isIgnored(path, isFolder, rules) {
  let ignored = false;
  for (const rule of rules) if ((isFolder || !rule.folders) && rule.test(path)) ignored = !rule.again;
  return ignored;
}

/** That it lives: silence is for a pattern that hangs, not for a disk that is slow. */
function sign() {
  if (Date.now() - signAt <= SIGN_MS) return;
  signAt = Date.now();
  post({});
}

/** @param {string} folder relative @param {ReturnType<typeof rulesOf>} above */
function walk(folder, above) {
  sign();
  const rules = [...above, ...rulesIn(folder)];
  let names;
  try {
    names = readdirSync(join(job.root, folder), { withFileTypes: true });
  } catch (error) {
    post({ path: folder, warning: `${folder || '.'}: ${error instanceof Error ? error.message : String(error)}` });
    return;
  }
  names.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of names) {
    if (stopped) return;
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    sign();
    if (entry.name === '.git' || (!job.hidden && entry.name.startsWith('.'))) continue;
    // Links are not followed: they may lead out of the project, or round in circles.
    if (entry.isDirectory()) {
      if (!isIgnored(path, true, rules) && !excluded(path)) walk(path, rules);
    } else if (entry.isFile() && !isIgnored(path, false, rules) && included(path) && !excluded(path)) {
      look(path);
    }
  }
}

/** @param {string} path */
function look(path) {
  counts.files++;
  if (Date.now() - namedAt > SIGN_MS) {
    namedAt = Date.now();
    post({ at: path });
  }
  try {
    withFile(join(job.root, path), ({ fd, size }) => {
      if (isBinary(fd)) {
        counts.binary++;
      } else if (size > job.maxFileBytes) {
        post({ path, warning: `${path}: ${size} bytes are more than ${job.maxFileBytes}, it was left out` });
      } else {
        if (size > 1024 * 1024) post({ at: path });
        counts.bytes += size;
        lookInto(path, readFileSync(fd, 'utf8'));
      }
    });
  } catch (error) {
    post({ path, warning: `${path}: ${error instanceof Error ? error.message : String(error)}` });
  }
}

/** @param {number} fd */
function isBinary(fd) {
  const head = Buffer.alloc(8192);
  return head.subarray(0, readSync(fd, head, 0, head.length, 0)).includes(0);
}

/**
 * Opens a regular file without waiting: a thread that waits for a named pipe cannot even be ended.
 * @template T
 * @param {string} file @param {(open: { fd: number, size: number }) => T} work
 */
function withFile(file, work) {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new Error('it is no regular file');
    return work({ fd, size: stats.size });
  } finally {
    closeSync(fd);
  }
}

/** @param {string} path @param {string} text */
function lookInto(path, text) {
  const lines = text.split('\n');
  let shown = -1;
  let out = '';
  let own = 0;
  for (let i = 0; i < lines.length && !stopped; i++) {
    const line = (lines[i] ?? '').slice(0, LINE_CHARS);
    const at = line.search(pattern);
    if (at < 0 || (i === lines.length - 1 && line === '')) continue;
    own++;
    counts.matches++;
    if (job.filesOnly) break;
    const from = Math.max(shown + 1, i - job.context);
    if (job.context > 0 && shown >= 0 && from > shown + 1) out += '--\n';
    for (let j = from; j < i; j++) out += `${path}-${j + 1}-${shorten(lines[j] ?? '', 0)}\n`;
    out += `${path}:${i + 1}:${shorten(lines[i] ?? '', at)}\n`;
    shown = i;
    for (
      let j = i + 1;
      j <= Math.min(lines.length - 1, i + job.context) && (lines[j] ?? '').slice(0, LINE_CHARS).search(pattern) < 0;
      j++
    ) {
      if (j < lines.length - 1 || lines[j] !== '') out += `${path}-${j + 1}-${shorten(lines[j] ?? '', 0)}\n`;
      shown = j;
    }
    if (counts.matches >= job.maxMatches) stopped = `${job.maxMatches} lines match`;
    if (outBytes + out.length > job.maxBytes) break;
  }
  if (own === 0) return;
  counts.matchedFiles++;
  if (counts.matchedFiles > 1 && job.context > 0) out = `--\n${out}`;
  give(job.filesOnly ? `${path}\n` : out, path, own);
  if (job.filesOnly && counts.matchedFiles >= job.maxMatches) stopped = `${job.maxMatches} files match`;
}

/** @param {string} line @param {number} at where the match begins */
function shorten(line, at) {
  const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (whole.length <= SHOWN_CHARS) return whole;
  const from = Math.max(0, Math.min(at - SHOWN_CHARS / 4, whole.length - SHOWN_CHARS));
  return `${from > 0 ? '...' : ''}${whole.slice(from, from + SHOWN_CHARS)}${from + SHOWN_CHARS < whole.length ? '...' : ''} [line of ${whole.length} characters]`;
}

const isFile = statSync(join(job.root, job.start)).isFile();
if (isFile) {
  look(job.start);
} else {
  // The ignore files of the folders above hold here too.
  const above = job.start.split('/').filter((part) => part !== '');
  const rules = above.flatMap((_, depth) => rulesIn(above.slice(0, depth).join('/')));
  walk(job.start, rules);
}
post({ done: { ...counts, stopped: stopped ?? null } });
