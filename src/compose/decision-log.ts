import { appendFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { defined } from '../core/defined.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Store } from '../model/ports/store.ts';
import type { EventRecord } from '../model/records.ts';

/** Characters of a command or a summary that a line has. */
const WHAT_CHARS = 2000;

interface DecisionLogOptions {
  readonly file: string;
  /** Size from which on the file is set aside and a new one begun. */
  readonly maxBytes: number;
  /** Files of that size beside the one that is written. */
  readonly files: number;
  readonly store: Pick<Store, 'entries' | 'projects' | 'runs'>;
  readonly mask: (text: string) => string;
  /** Address of the client whose call is carried out; undefined for one of this machine's socket, and for what no client has asked for. */
  readonly from: () => string | undefined;
  readonly logger: Logger;
}

/**
 * Who decided what, one JSON object a line, in a file of mode 0600 that is set aside as `FILE.1`, `FILE.2` and so on when it is large (SPEC
 * {#decision_log}): answers to proposals, commands that begin, changes of rules. A line that cannot be written is lost, and the next one says how many were.
 */
export class DecisionLog {
  readonly #options: DecisionLogOptions;
  #lost = 0;

  constructor(options: DecisionLogOptions) {
    this.#options = options;
  }

  /** An event that is stored. Never throws. */
  event({ type, payload, run, projectId, at }: EventRecord): void {
    const decision = this.#decision(type, payload, projectId);
    if (!decision) return;
    const project = this.#options.store.projects.byId(projectId)?.name ?? null;
    this.#write({
      time: new Date(at).toISOString(),
      project,
      ...(run === null ? {} : { run }),
      ...decision,
      ...this.#from(decision['by']),
    });
  }

  /** What the model decides is nobody's call, though one may have begun its loop. */
  #from(by: unknown): { from?: string | undefined } {
    return by === 'model' ? {} : defined({ from: this.#options.from() });
  }

  #decision(type: string, payload: EventRecord['payload'], projectId: number): Record<string, unknown> | undefined {
    const { path, action, by } = payload;
    switch (type) {
      case 'run/resolved':
        return { decision: action, by, path, what: this.#what(projectId, payload) };
      case 'stream/started':
        return { decision: 'start', by: this.#attributes(projectId, payload)['by'] ?? 'model', path, what: this.#cut(payload['command']) };
      case 'policy/changed': {
        const rule = payload['rule'] as { decision?: unknown; rule?: unknown; by?: unknown; removedBy?: unknown } | undefined;
        return {
          decision: `rule ${String(payload['change'])}`,
          by: rule?.removedBy ?? rule?.by ?? null,
          what: this.#cut(JSON.stringify(rule)),
        };
      }
      default:
        return undefined;
    }
  }

  #what(projectId: number, payload: EventRecord['payload']): string {
    const { command, summary } = this.#attributes(projectId, payload);
    return this.#cut(command ?? summary);
  }

  #attributes(projectId: number, { run, path }: EventRecord['payload']): Readonly<Record<string, unknown>> {
    const { runs, entries } = this.#options.store;
    const found = runs.byAlias({ projectId, madeWith: null }, String(run));
    return (found && entries.get(found.id, String(path))?.attributes) ?? {};
  }

  #cut(text: unknown): string {
    return this.#options.mask(typeof text === 'string' ? text : '').slice(0, WHAT_CHARS);
  }

  #write(line: Record<string, unknown>): void {
    try {
      this.#rotate();
      const lost = this.#lost === 0 ? {} : { lost: this.#lost };
      appendFileSync(this.#options.file, `${JSON.stringify({ ...line, ...lost })}\n`, { mode: 0o600 });
      this.#lost = 0;
    } catch (error) {
      if (this.#lost++ > 0) return;
      const { file, logger } = this.#options;
      logger.error({ file, error: messageOf(error) }, 'the log of decisions cannot be written');
    }
  }

  #rotate(): void {
    const { file, maxBytes, files } = this.#options;
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size < maxBytes) return;
    rmSync(`${file}.${files}`, { force: true });
    for (let number = files - 1; number >= 0; number--) {
      const from = number === 0 ? file : `${file}.${number}`;
      if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${file}.${number + 1}`);
    }
  }
}
