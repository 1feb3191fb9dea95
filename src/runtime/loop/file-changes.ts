import { HeadgateError, isHeadgateError, messageOf } from '../../core/errors.ts';
import type { ProposedChange } from '../../hooks/plugin.ts';
import { changeSummary } from '../../model/file-change.ts';
import type { Entry, Project, Run } from '../../model/records.ts';
import { everyRun } from '../../model/sight.ts';
import type { JournalTx } from '../../stream/index.ts';
import { removeEntry, writeEntry } from '../entry-writes.ts';
import type { RuntimeParts } from '../parts.ts';
import { filesOf } from '../project-files.ts';
import { tellEntry } from '../tell.ts';
import { changeAttributes, changeOf, type Resolution, resolutionOf } from './attributes.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'logger'>;

/** Before the end of a change is stored again (milliseconds). */
const RETRY_MS = 1000;

/**
 * Accepted changes of files. The accept is stored first, then the file is changed, then the end is stored; after a crash
 * in between, the file itself says which of these was done (SPEC {#file_edits}).
 */
export class FileChanges {
  readonly #parts: Parts;
  readonly #ended: (entryId: number) => void;

  constructor(parts: Parts, ended: (entryId: number) => void) {
    this.#parts = parts;
    this.#ended = ended;
  }

  /**
   * Notes the accept and carries the change out after the commit. An `output` takes the place of the text that was
   * proposed. Throws `invalid_params` for an output if the file is not text, and what a plan or a write of an entry throws.
   */
  accept(tx: JournalTx, run: Run, waiting: Entry, resolution: Resolution): void {
    const { store } = this.#parts;
    const stored = changeOf(waiting);
    if (!stored) throw new Error(`${waiting.path} is no change of a file`);
    const { output } = resolution;
    const edited = output === undefined ? undefined : this.#edited(run, waiting, stored, output);
    for (const write of stored.writes ?? [])
      writeEntry(store, tx, run, write, { turn: waiting.turn, loopId: waiting.loopId, writer: resolution.by });
    const attributes = { ...waiting.attributes, ...edited, resolution };
    tellEntry(tx, run, store.entries.update(waiting.id, { status: 102, attributes }));
    tx.after(() => this.#carryOut(waiting.id));
  }

  /** Takes up what was accepted and not stored as done when the server went away. */
  recover(): void {
    const { store } = this.#parts;
    for (const { id } of store.projects.list()) {
      for (const entry of store.entries.list({ sight: everyRun(id), statuses: [102], categories: ['logging'] })) {
        if (changeOf(entry)) this.#carryOut(entry.id);
      }
    }
  }

  /** What the accepting client wants to be written instead: of the same file, made from the same content. */
  #edited(run: Run, waiting: Entry, stored: ProposedChange, output: string): Entry['attributes'] {
    if (stored.change.op !== 'write') {
      throw new HeadgateError('invalid_params', `${waiting.path} writes no text; accept it without output, or reject it`, {
        field: 'output',
      });
    }
    const planned = filesOf(this.#parts, this.#project(run)).replan({ ...stored.change, text: output });
    return { ...changeAttributes({ ...stored, ...planned, before: stored.before }), edited: true };
  }

  #carryOut(entryId: number): void {
    const { store, logger } = this.#parts;
    const entry = store.entries.byId(entryId);
    const run = entry && store.runs.byId(entry.runId);
    const stored = entry && changeOf(entry);
    if (!run || !stored || entry.status !== 102) return;
    let failure: unknown;
    try {
      filesOf(this.#parts, this.#project(run)).apply(stored);
    } catch (error) {
      failure = error;
      if (!(error instanceof HeadgateError)) logger.error({ path: entry.path, error: messageOf(error) }, 'a file could not be changed');
    }
    this.#close(run, entry, stored, failure);
  }

  /** Stores the end, however often it takes: the file is written already, and may have been changed since. */
  #close(run: Run, entry: Entry, stored: ProposedChange, failure: unknown): void {
    try {
      // Its run may have been deleted, or aborted, before another try.
      if (this.#parts.store.entries.byId(entry.id)?.status !== 102) return;
      this.#end(run, entry, stored, failure);
    } catch (error) {
      // A full disk. A restart looks at the file again.
      this.#parts.logger.error({ path: entry.path, error: messageOf(error) }, 'the end of a change could not be stored');
      setTimeout(() => this.#close(run, entry, stored, failure), RETRY_MS).unref();
      return;
    }
    this.#ended(entry.id);
  }

  #end(run: Run, entry: Entry, stored: ProposedChange, failure: unknown): void {
    const { store, journal } = this.#parts;
    journal.commit('durable', (tx) => {
      const gone = failure === undefined ? stored.removes : stored.writes?.map(({ path }) => path);
      for (const path of gone ?? []) if (store.entries.get(run.id, path)) removeEntry(store, tx, run, path);
      tellEntry(tx, run, store.entries.update(entry.id, endOf(entry, stored, failure)));
    });
  }

  #project(run: Run): Project {
    const project = this.#parts.store.projects.byId(run.projectId);
    if (!project) throw new HeadgateError('not_found', `the project of run ${run.alias} is gone, so none of its files can be changed`);
    return project;
  }
}

function endOf(entry: Entry, stored: ProposedChange, failure: unknown): { status: 200 | 409 | 500; outcome: string | null; body: string } {
  if (failure === undefined) {
    const done = `Done: ${changeSummary(stored)}.`;
    const by = resolutionOf(entry)?.by ?? 'somebody';
    const edited = entry.attributes['edited'] === true ? `\n${by} changed your text before it was written:\n${stored.diff}` : '';
    return { status: 200, outcome: null, body: `${done}${edited}` };
  }
  if (isHeadgateError(failure, 'conflict')) return { status: 409, outcome: 'changed', body: failure.message };
  const outcome = failure instanceof HeadgateError ? failure.kind : 'write_failed';
  return { status: 500, outcome, body: `The file stays what it was: ${messageOf(failure)}` };
}
