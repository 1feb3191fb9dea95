import { realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { type Worker, type WorkerOptions } from 'node:worker_threads';
import { startThread } from '../../core/thread.ts';
import { containedPath } from '../../hooks/contained-path.ts';
import type { ProducerIo, ProducerResult } from '../../hooks/producer.ts';

/** How long the thread may say nothing: then the pattern hangs on one file (milliseconds). */
const SILENCE_MS = 5000;
const MAX_BYTES = 2 * 1024 * 1024;
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Warnings that are written; the rest is counted. */
const MAX_WARNINGS = 200;

/** What was accepted. */
export interface SearchInput {
  readonly pattern: string;
  readonly literal: boolean;
  readonly ignoreCase: boolean;
  readonly path: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly hidden: boolean;
  readonly ignored: boolean;
  readonly context: number;
  readonly filesOnly: boolean;
  readonly maxMatches: number;
}

interface Report {
  readonly found?: string;
  /** The file or folder that it is about, and how many lines match. */
  readonly path?: string;
  readonly lines?: number;
  readonly warning?: string;
  readonly at?: string;
  readonly done?: { files: number; matches: number; matchedFiles: number; binary: number; bytes: number; stopped: string | null };
}

/** The source of a pattern, and its flags. Throws a SyntaxError for a text that is not a regular expression. */
export function expressionOf({ pattern, literal, ignoreCase }: Pick<SearchInput, 'pattern' | 'literal' | 'ignoreCase'>): {
  source: string;
  flags: string;
} {
  const source = literal ? pattern.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&') : pattern;
  const flags = ignoreCase ? 'i' : '';
  new RegExp(source, flags);
  return { source, flags };
}

/** Searches the files of the project: channel 1 the lines found, 2 warnings (SPEC {#tool_search}). */
export async function runSearch(input: SearchInput, io: ProducerIo): Promise<ProducerResult> {
  const root = realpathSync(io.project.root);
  const start = relative(root, realpathSync(containedPath(io.project.root, input.path, 'path')));
  const { source, flags } = expressionOf(input);
  const { include, exclude, hidden, ignored, context, filesOnly, maxMatches } = input;
  return await follow(io, {
    name: 'search',
    // Its memory is its own: a file that is too much for it ends the thread and not the server.
    resourceLimits: { maxOldGenerationSizeMb: 512 },
    workerData: {
      root,
      start: start.split('\\').join('/'),
      pattern: source,
      flags,
      ...{ include, exclude, hidden, ignored, context, filesOnly, maxMatches },
      maxBytes: MAX_BYTES,
      maxFileBytes: MAX_FILE_BYTES,
    },
  });
}

async function follow(io: ProducerIo, options: WorkerOptions & { name: string }): Promise<ProducerResult> {
  let worker: Worker | undefined;
  let last = '';
  let warnings = 0;
  const matched = { files: 0, lines: 0 };
  const writes: Promise<void>[] = [];
  // What the thread can bring is bounded, so it is not held up; a write that fails shows when all are waited for.
  const write = (channel: number, text: string) => {
    const written = io.write(channel, text);
    written.catch(() => undefined);
    writes.push(written);
  };
  let silence: NodeJS.Timeout | undefined;
  const onAbort = { call: () => {} };
  try {
    const done = await new Promise<NonNullable<Report['done']> | undefined>((resolve, reject) => {
      const heard = () => {
        clearTimeout(silence);
        silence = setTimeout(() => resolve(undefined), SILENCE_MS);
      };
      heard();
      onAbort.call = () => reject(io.signal.reason as Error);
      io.signal.addEventListener('abort', onAbort.call, { once: true });
      const message = ({ found, path = '', lines = 0, warning, at, done }: Report) => {
        heard();
        // Neither content nor name of what a constraint keeps from models.
        if (at !== undefined && !io.hidden(at)) last = at;
        if (path !== '' && io.hidden(path)) return;
        if (found !== undefined) {
          matched.files++;
          matched.lines += lines;
          write(1, found);
        }
        if (warning !== undefined && warnings++ < MAX_WARNINGS) write(2, `${warning}\n`);
        if (done) resolve(done);
      };
      worker = startThread<Report>(new URL('./search-worker.mjs', import.meta.url), options, {
        message,
        ended: (cause) => reject(new Error(`the search ended at ${last || 'its start'}: ${cause.message}`, { cause })),
      });
    });
    if (warnings > MAX_WARNINGS) write(2, `${warnings - MAX_WARNINGS} more warnings\n`);
    if (!done) {
      const where = `the pattern takes longer than ${SILENCE_MS / 1000} s at ${last || 'the first file'} or soon after it`;
      write(2, `${where}\n`);
      await Promise.all(writes);
      return {
        exitCode: 2,
        outcome: 'pattern_too_slow',
        body: `${where}; make it simpler (nested repetitions are slow) or use literal: true`,
      };
    }
    const seen = `${done.files} files, ${done.bytes} bytes searched${done.binary > 0 ? `, ${done.binary} binary files left out` : ''}`;
    const cut = done.stopped === null ? '' : `; stopped: ${done.stopped}, there may be more: narrow the search by path or globs`;
    if (cut !== '') write(2, `stopped: ${done.stopped}\n`);
    await Promise.all(writes);
    return { body: `${matched.lines} matching lines in ${matched.files} files (${seen})${cut}` };
  } finally {
    clearTimeout(silence);
    io.signal.removeEventListener('abort', onAbort.call);
    await worker?.terminate();
  }
}
