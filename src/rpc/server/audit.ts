import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { AuditStore } from '../../model/ports/store.ts';
import type { Redaction } from '../../redact/index.ts';

type Call = Parameters<AuditStore['record']>[0];

/** What the audit log writes through. */
export interface AuditTarget {
  readonly audit: AuditStore;
  transaction(durability: 'durable' | 'fast', work: () => void): void;
}

/**
 * The record of every call: method, client, run, code, duration; never params or results (SPEC {#rpc_log}). Calls of
 * one turn of the event loop are written in one transaction, after their answers.
 */
export class AuditLog {
  readonly #target: AuditTarget;
  readonly #logger: Logger;
  readonly #redaction: Redaction;
  #waiting: Call[] = [];
  #scheduled = false;

  constructor(target: AuditTarget, logger: Logger, redaction: Redaction) {
    this.#target = target;
    this.#logger = logger;
    this.#redaction = redaction;
  }

  record(call: Call): void {
    // Names are the callers' own: one may be a token that was pasted into the wrong place.
    const text = (value: string) => this.#redaction.text(value);
    this.#waiting.push({ ...call, method: text(call.method), client: text(call.client), run: call.run === null ? null : text(call.run) });
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  /** Writes what waits. A store that cannot take it is reported in the log; no call fails for it. */
  flush(): void {
    this.#scheduled = false;
    const calls = this.#waiting;
    if (calls.length === 0) return;
    this.#waiting = [];
    try {
      this.#target.transaction('fast', () => {
        for (const call of calls) this.#target.audit.record(call);
      });
    } catch (error) {
      this.#logger.error({ calls: calls.length, error: messageOf(error) }, 'the audit log could not be written');
    }
  }
}
