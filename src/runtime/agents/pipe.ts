import { isHeadgateError } from '../../core/errors.ts';
import type { AgentState } from '../../model/agent-state.ts';
import type { Run } from '../../model/records.ts';
import type { RuntimeParts } from '../parts.ts';
import type { AgentStates } from './states.ts';

/** Longest line of an agent (bytes); one without an end ends the agent. */
export const LINE_BYTES = 16 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;

/** A whole line of an agent, and the offset behind it in its output. */
export interface AgentLine {
  readonly text: string;
  readonly end: number;
}

/** Bytes of a line whose end has not come, so that they are not read again with every piece. */
interface Beginning {
  readonly path: string;
  readonly at: number;
  readonly pieces: Buffer[];
  bytes: number;
}

/** The lines to and from the agents of runs, each at its offset (SPEC {#agent_lines}). */
export class AgentPipe {
  readonly #streams: RuntimeParts['streams'];
  readonly #states: AgentStates;
  readonly #begun = new Map<number, Beginning>();

  constructor({ streams }: Pick<RuntimeParts, 'streams'>, states: AgentStates) {
    this.#streams = streams;
    this.#states = states;
  }

  /** Writes what is queued; false if the agent does not take it now. */
  async send(run: Run, signal: AbortSignal): Promise<boolean> {
    const { path, queue } = this.#states.of(run);
    if (path === null) return true;
    for (const { at, text } of queue) {
      if (!(await this.#write(run, path, Buffer.from(text), at, signal))) return false;
      this.#states.change(run, (_, state) => ({ ...state, queue: state.queue.filter((one) => one.at !== at) }));
    }
    return true;
  }

  /** Whole lines that are not applied yet; `endless` for one that is too long. */
  lines(run: Run, { path, applied }: AgentState): AgentLine[] | 'endless' {
    if (path === null) return [];
    const known = this.#begun.get(run.id);
    const begun = known?.path === path && known.at === applied ? known : { path, at: applied, pieces: [], bytes: 0 };
    this.#begun.delete(run.id);
    for (;;) {
      const { data } = this.#streams.read({ runId: run.id, path, channel: 1, from: applied + begun.bytes, maxBytes: READ_BYTES });
      if (data.length === 0) break;
      begun.pieces.push(data);
      begun.bytes += data.length;
      if (data.includes(LINE_FEED)) return linesOf(Buffer.concat(begun.pieces), applied);
      if (begun.bytes > LINE_BYTES) return 'endless';
    }
    if (begun.bytes > 0) this.#begun.set(run.id, begun);
    return [];
  }

  async #write(run: Run, path: string, bytes: Buffer, at: number, signal: AbortSignal): Promise<boolean> {
    for (let done = 0; done < bytes.length; ) {
      signal.throwIfAborted();
      try {
        done += (await this.#streams.input(run.id, path, bytes.subarray(done), { offset: at + done })).bytes;
      } catch (error) {
        if (!isHeadgateError(error)) throw error;
        const expected = isHeadgateError(error, 'offset_conflict') ? error.facts['expected'] : undefined;
        // Written by a server before this one: all of it, or the beginning.
        if (typeof expected !== 'number' || expected <= at + done) return false;
        done = Math.min(bytes.length, expected - at);
      }
    }
    return true;
  }
}

function linesOf(data: Buffer, applied: number): AgentLine[] {
  const lines: AgentLine[] = [];
  for (let from = 0, at = data.indexOf(LINE_FEED); at >= 0; from = at + 1, at = data.indexOf(LINE_FEED, from)) {
    lines.push({ text: data.toString('utf8', from, at), end: applied + at + 1 });
  }
  return lines;
}
