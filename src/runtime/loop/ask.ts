import { defined } from '../../core/defined.ts';
import { messageOf } from '../../core/errors.ts';
import { freeNumber } from '../../core/free-number.ts';
import { ModelFailure } from '../../model/model-failure.ts';
import { logPath, slugOf } from '../../model/paths.ts';
import type { ModelProvider, ModelRequest, ToolSpec } from '../../model/ports/model-provider.ts';
import type { Entry, Loop, ModelRecord, Turn, TurnMeter } from '../../model/records.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry, tellProgress } from '../tell.ts';
import { type AnsweredCall, askModel, type ModelAnswer } from './answer.ts';
import { ceilingAfterRefusal, ceilingOf } from './budget.ts';
import type { TurnPlace } from './context.ts';
import { Meter } from './meter.ts';
import { Packer } from './packer.ts';
import type { LoopQueue } from './queue.ts';
import { tokenCounter } from './tokens.ts';

type Parts = Pick<
  RuntimeParts,
  'store' | 'journal' | 'streams' | 'clock' | 'logger' | 'hooks' | 'host' | 'providers' | 'redaction' | 'masked' | 'guides' | 'live'
>;

const ACTION = /^[a-z][a-z0-9_]{0,63}$/;

/** Asks the model of a turn and records its answer and all its actions in one transaction (SPEC {#turn_record}). */
export class Asker {
  readonly #parts: Parts;
  readonly #queue: LoopQueue;
  readonly #modelOf: (loop: Loop) => ModelRecord | undefined;

  constructor(parts: Parts, queue: LoopQueue, modelOf: (loop: Loop) => ModelRecord | undefined) {
    this.#parts = parts;
    this.#queue = queue;
    this.#modelOf = modelOf;
  }

  /** Takes the turn from `asking` to `dispatching`, or ends the loop when the model does not answer. */
  async ask(place: TurnPlace, step: number, signal: AbortSignal): Promise<void> {
    const meter = new Meter(this.#parts.clock);
    let answer: ModelAnswer;
    try {
      answer = await this.#answer(place, step, meter, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ModelFailure)) throw error;
      this.#fail(place, error, this.#reading(place, meter));
      return;
    }
    signal.throwIfAborted();
    this.#record(place, answer, this.#reading(place, meter));
  }

  /** Names of the tools that a loop offers, each once. Their order is that of registration and never changes, so that a provider can keep its cache of the request. */
  async offered(place: Pick<TurnPlace, 'run' | 'loop' | 'settings'>): Promise<string[]> {
    const { run, loop, settings } = place;
    const scope = { projectId: run.projectId, run: run.alias, loop: loop.sequence, mode: loop.mode, settings };
    const names = new Set(await this.#parts.hooks.apply('tools.offered', this.#parts.host.available(loop.mode, settings), scope));
    return this.#parts.host.list().flatMap(({ tools }) => tools.filter((name) => names.has(name)));
  }

  /** Asks, and once more with a smaller context when the provider finds it too long. */
  async #answer(place: TurnPlace, step: number, meter: Meter, signal: AbortSignal): Promise<ModelAnswer> {
    const { project, loop, turn, settings } = place;
    const model = this.#modelOf(loop);
    if (!model)
      throw new ModelFailure(
        'model_config',
        `There is no model "${loop.model}" any more. Name another one with run/config, or add it with addModel.`,
      );
    const provider = this.#provider(model);
    const tools = await Promise.all((await this.offered(place)).map((name) => this.#toolSpec(place, name)));
    const packer = new Packer(this.#parts, place, tools, tokenCounter(this.#parts.logger));
    await packer.fit(ceilingOf(this.#parts, place, model));
    const ask = () => {
      signal.throwIfAborted();
      const request: ModelRequest = {
        model: model.actual,
        messages: packer.messages,
        tools,
        ...defined({ temperature: settings.temperature }),
        projectRoot: project.root,
        step,
        mode: loop.mode,
        prompt: loop.prompt,
        turn,
        ...(model.dialect === null ? {} : { dialect: model.dialect }),
      };
      const measured = meter.measured(provider, (sent) => packer.record(sent));
      return askModel(
        measured,
        request,
        signal,
        this.#parts.live.turn({ projectId: project.id, run: place.run.alias, turn: turn.sequence, madeWith: place.run.madeWith }),
      );
    };
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ModelFailure) || error.outcome !== 'model_context') throw error;
      if (!(await packer.shrink(ceilingAfterRefusal(error.message, packer.tokens)))) throw error;
      return await ask();
    }
  }

  #provider(model: ModelRecord): ModelProvider {
    const provider = this.#parts.providers.get(model.provider);
    if (provider) return provider;
    const known = [...this.#parts.providers.keys()].join(', ');
    throw new ModelFailure(
      'model_config',
      `Model ${model.alias} names provider "${model.provider}", which this server does not have; it has ${known}.`,
    );
  }

  async #toolSpec({ run, loop }: Pick<TurnPlace, 'run' | 'loop'>, name: string): Promise<ToolSpec> {
    const { host, hooks } = this.#parts;
    const tool = host.tool(name);
    const scope = { projectId: run.projectId, run: run.alias, loop: loop.sequence, mode: loop.mode, tool: name };
    const description = await hooks.apply('tools.docs', tool?.definition.doc ?? '', scope);
    return { name, description, inputSchema: tool?.schema ?? { type: 'object' } };
  }

  /** Prices count as they are when the answer comes. */
  #reading({ loop }: TurnPlace, meter: Meter): TurnMeter {
    return meter.reading(this.#modelOf(loop)?.price);
  }

  #record(place: TurnPlace, answer: ModelAnswer, spent: TurnMeter): void {
    const { store, journal } = this.#parts;
    const { run, loop, turn } = place;
    journal.commit('durable', (tx) => {
      if (this.#queue.loop(loop.id).status !== 102) return;
      if (answer.text.trim() !== '')
        this.#write(tx, place, { path: this.#path(place, 'model', 'text'), status: 200, body: answer.text, attributes: {} });
      for (const call of answer.calls) {
        const action = ACTION.test(call.tool) && call.tool !== 'model' ? call.tool : 'unknown';
        const path = this.#path(place, action, slugOfCall(this.#parts.redaction.value(call)));
        this.#write(tx, place, { path, status: 100, body: '', attributes: this.#callAttributes(call) });
      }
      store.turns.update(turn.id, { phase: 'dispatching', text: answer.text, ...spent });
      tellProgress(tx, run, turn.sequence, 'dispatching', answer.text);
    });
  }

  #callAttributes(call: AnsweredCall): Entry['attributes'] {
    const { id, tool, input, bad, repaired } = call;
    const definition = this.#parts.host.tool(tool)?.definition;
    const parsed = bad ? undefined : definition?.params.safeParse(input);
    let summary = tool;
    if (parsed?.success) {
      try {
        summary = definition?.summary?.(parsed.data) ?? tool;
      } catch (error) {
        this.#parts.logger.warn({ tool, error: messageOf(error) }, 'the summary of a tool failed');
      }
    }
    return { tool, call_id: id, input, summary, ...(bad ? { raw: bad.raw, problem: bad.problem } : {}), ...(repaired ? { repaired } : {}) };
  }

  /** The model did not answer: a log entry says what to do, the loop ends at 500, the run lives on (SPEC {#model_failure}). */
  #fail(place: TurnPlace, failure: ModelFailure, spent: TurnMeter): void {
    const { store, journal, logger } = this.#parts;
    const { run, loop, turn } = place;
    logger.warn(
      { run: run.alias, turn: turn.sequence, outcome: failure.outcome, status: failure.httpStatus ?? null },
      'a model did not answer',
    );
    journal.commit('durable', (tx) => {
      if (this.#queue.loop(loop.id).status !== 102) return;
      const { httpStatus, retryAfterMs } = failure;
      const attributes = {
        outcome: failure.outcome,
        ...defined({ http_status: httpStatus, retry_after_ms: retryAfterMs }),
      };
      const status = failure.outcome === 'model_context' ? 413 : 500;
      this.#write(tx, place, {
        path: this.#path(place, 'model', 'error'),
        status,
        outcome: failure.outcome,
        body: failure.message,
        attributes,
      });
      store.turns.update(turn.id, { phase: 'done', ...spent });
      tellProgress(tx, run, turn.sequence, 'done', undefined, spent);
      this.#queue.end(tx, loop, 'fail', failure.outcome, null);
    });
  }

  #write(tx: JournalTx, place: TurnPlace, entry: Pick<Entry, 'path' | 'status' | 'body' | 'attributes'> & { outcome?: string }): void {
    const { run, loop, turn } = place;
    const created = this.#parts.store.entries.create({
      runId: run.id,
      category: 'logging',
      turn: turn.sequence,
      loopId: loop.id,
      writer: 'model',
      ...entry,
    });
    tellEntry(tx, run, created);
  }

  #path(place: { run: TurnPlace['run']; turn: Turn }, action: string, slug: string): string {
    return freePath(this.#parts, place.run.id, place.turn.sequence, action, slug);
  }
}

/** A log entry's path that is not taken yet: the slug gets a number when it is. */
export function freePath(parts: Parts, runId: number, turn: number, action: string, slug: string): string {
  const path = (number: number) => logPath({ turn, action, slug: number === 1 ? slug : `${slug}-${number}` });
  return path(freeNumber((number) => parts.store.entries.has(runId, path(number))));
}

function slugOfCall(call: AnsweredCall): string {
  for (const key of ['command', 'path', 'url', 'pattern', 'question', 'text']) {
    const value = call.input[key];
    if (typeof value === 'string') return slugOf(value);
  }
  return slugOf(call.bad ? 'unreadable' : call.tool);
}
