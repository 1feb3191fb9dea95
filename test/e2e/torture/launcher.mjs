import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Caller } from './caller.mjs';
import { ConnectionLost, Refused } from './wire.mjs';

const INPUT_PATIENCE_MS = 30_000;

/**
 * Brings producers into the world over connections that are lost now and then, the way a careful client does: a request that
 * may not be repeated blindly is looked up first, the others are repeated with the facts that make a repetition harmless.
 */
export class Launcher {
  #server;
  #root;
  #fault;
  #callers = [];
  #next = 0;
  #known;
  #violate;

  /** @param fault - awaited at named points, where a kill may be due; @param known - told each producer's path, once */
  constructor({ server, root, fault, known, violate }) {
    this.#server = server;
    this.#root = root;
    this.#fault = fault;
    this.#known = known;
    this.#violate = violate;
    for (const transport of ['ws', 'unix', 'ws']) this.#callers.push(this.#caller(transport, `launcher-${transport}`));
  }

  #caller(transport, name) {
    return new Caller(this.#server, { transport, root: this.#root, name });
  }

  /** Opens the runs: the odd ones accept by themselves. */
  async openRuns(runs) {
    for (const [index, alias] of runs.entries()) {
      const caller = this.#callers[0];
      await caller.untilAnswered('startRun', { model: 'scripted', alias, yolo: index % 2 === 1 }).catch((error) => {
        if (error.kind !== 'alias_taken') throw error;
      });
    }
  }

  /** Carries out a producer's whole plan; resolves when nothing is left to do for it. */
  async run(producer) {
    const caller = this.#callers[this.#next++ % this.#callers.length];
    await this.#propose(caller, producer);
    if (producer.status === 202) await this.#accept(caller, producer);
    producer.acceptedAt = Date.now();
    await Promise.all([
      producer.how === 'client' ? this.#stream(caller, producer) : undefined,
      producer.how === 'stdin' ? this.#feed(caller, producer) : undefined,
      producer.cancel ? this.#cancel(producer) : undefined,
    ]);
  }

  async #propose(caller, producer) {
    const { run, command, runner, stages, id } = producer;
    while (producer.path === undefined) {
      try {
        const sent = () => this.#fault('accept-sent');
        const params = { run, command, stdin: stages > 0, ...(runner === 'embedded' ? {} : { runner }) };
        Object.assign(producer, pathAndStatus(await caller.call('sh', params, sent)));
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        Object.assign(producer, await this.#find(caller, run, `: p${id} ;`));
      }
    }
    this.#known(producer);
  }

  /** A command whose proposal may or may not have been stored. */
  async #find(caller, run, mark) {
    const started = (row) => row.command?.startsWith(mark);
    const proposals = (await caller.untilAnswered('getProposals', { run })).filter(started);
    const producers = (await caller.untilAnswered('stream/list', { run })).filter(started);
    if (proposals.length + producers.length > 1) this.#violate({ message: `"${mark}" was proposed twice` });
    if (proposals[0]) return { path: proposals[0].path, status: 202 };
    return producers[0] ? { path: producers[0].path, status: 102 } : {};
  }

  async #accept(caller, producer) {
    const { run, path } = producer;
    const params = { run, resolution: { path, action: 'accept' } };
    try {
      await caller.untilAnswered('run/resolve', params, () => this.#fault('accept-sent'));
    } catch (error) {
      // The answer to the first try was lost, not the acceptance.
      if (error.kind !== 'proposal_resolved' || error.data.resolution?.action !== 'accept') throw error;
    }
    this.#fault('accept-answered');
  }

  /** Streams a command that this client runs: pieces in any size, some sent again, some that overlap what is stored. */
  async #stream(caller, producer) {
    const { run, path, contents, random, durationMs, bytes } = producer;
    const at = [0, 0];
    const total = bytes[0] + bytes[1];
    const began = Date.now();
    const stopAt = producer.abort ? random.int(0, total) : total;
    try {
      while (at[0] + at[1] < stopAt) {
        const index = random.pick([0, 1].filter((each) => at[each] < bytes[each]));
        const offset = random.chance(0.1) ? random.int(0, at[index]) : at[index];
        const piece = contents[index].slice(offset, offset + random.scale(1, 256 * 1024));
        const params = { run, path, channel: index + 1, chunk: piece.toString('base64'), encoding: 'base64', offset };
        const answer = await caller.untilAnswered('stream', params, () => this.#fault('chunk-sent'));
        const end = Math.max(at[index], offset + piece.length);
        if (answer.bytes !== end)
          this.#violate({ producer, channel: index + 1, offset: end, message: `stream answered bytes ${answer.bytes}` });
        at[index] = end;
        producer.acknowledged = [...at];
        const early = ((at[0] + at[1]) / total) * durationMs - (Date.now() - began);
        if (early > 0) await delay(early);
      }
      if (producer.abort) await caller.untilAnswered('stream/aborted', { run, path, reason: 'torture' });
      else await caller.untilAnswered('stream/completed', { run, path, exit_code: producer.exitCode });
    } catch (error) {
      const cancelled = error.kind === 'stream_closed' && producer.cancel && error.data.terminal_status === 499;
      if (!cancelled) throw error;
    }
  }

  /** Feeds standard input: each line names a stage, so one that arrives twice or cut short changes nothing. */
  async #feed(caller, producer) {
    const { run, path, stages, random, durationMs } = producer;
    for (let stage = 1; stage <= stages; stage++) {
      await delay(random.int(0, Math.ceil((2 * durationMs) / stages)));
      const line = `\n${stage}\n`;
      let taken = 0;
      while (taken < line.length && !this.#over(producer))
        taken = (await this.#input(caller, producer, { run, path, chunk: line })) ?? line.length;
    }
    await this.#input(caller, producer, { run, path, eof: true });
  }

  async #input(caller, producer, params) {
    const deadline = Date.now() + INPUT_PATIENCE_MS;
    for (;;) {
      try {
        return (await caller.untilAnswered('stream/input', params)).bytes;
      } catch (error) {
        if (!(error instanceof Refused) || error.code !== -32005) throw error;
        // Either it has ended, or whoever runs it has not taken it up yet.
        if (this.#over(producer)) return undefined;
        if (Date.now() > deadline) return void this.#violate({ producer, message: `standard input was not taken: ${error.message}` });
        await delay(50);
      }
    }
  }

  #over(producer) {
    return producer.cancelled === true || / ?end /m.test(ledgerText(producer));
  }

  async #cancel(producer) {
    await delay(producer.cancelAfterMs);
    const caller = this.#caller(producer.random.pick(['ws', 'unix']), `canceller-${producer.id}`);
    const { run, path, graceMs } = producer;
    try {
      const { terminal_status: before } = await caller.untilAnswered(
        'stream/cancel',
        { run, path, reason: 'torture', grace_ms: graceMs },
        () => this.#fault('cancel-sent'),
      );
      // At 499 it has ended by this cancel, whose first answer was lost.
      if (before === undefined || before === 499) producer.cancelled = true;
      else if (producer.cancel !== 'cross') this.#violate({ producer, message: `it had ended with ${before} before its cancel` });
      this.#fault('cancel-answered');
    } finally {
      caller.close();
    }
  }

  close() {
    for (const caller of this.#callers) caller.close();
  }
}

function pathAndStatus({ path, status }) {
  return { path, status };
}

/** What a command has noted of itself; empty before its start. */
export function ledgerText({ ledger }) {
  try {
    return readFileSync(ledger, 'utf8');
  } catch {
    return '';
  }
}
