import type { EventRecord } from '../../../model/records.ts';
import type { Redaction } from '../../../redact/index.ts';

/** Events as those see them who may not see secrets; masked once for all of them (SPEC {#redaction}). */
export class RedactedEvents {
  readonly #redaction: Redaction;
  readonly #shown = new WeakMap<EventRecord, EventRecord>();

  constructor(redaction: Redaction) {
    this.#redaction = redaction;
  }

  /** The same event when there is nothing to mask. */
  of(event: EventRecord): EventRecord {
    const known = this.#shown.get(event);
    if (known) return known;
    const payload = this.#redaction.value(event.payload);
    const shown = payload === event.payload ? event : { ...event, payload };
    this.#shown.set(event, shown);
    return shown;
  }
}
