import { messageOf } from '../../core/errors.ts';
import { ModelFailure } from '../../model/model-failure.ts';
import { logPath, slugOf } from '../../model/paths.ts';
import type { ModelProvider, ModelRequest, ToolSpec } from '../../model/ports/model-provider.ts';
import type { Entry, Loop, ModelRecord, Turn } from '../../model/records.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry, tellProgress } from '../tell.ts';
import { type AnsweredCall, askModel, type ModelAnswer } from './answer.ts';
import { assemble, type TurnPlace } from './context.ts';
import type { LoopQueue } from './queue.ts';

const ACTION = /^[a-z][a-z0-9_]{0,31}$/;

/** Asks the model of a turn and records its answer and all its actions in one transaction (SPEC {#turn_record}). */
export class Asker {
  readonly #parts: RuntimeParts;
  readonly #queue: LoopQueue;
  readonly #modelOf: (loop: Loop) => ModelRecord | undefined;

  constructor(parts: RuntimeParts, queue: LoopQueue, modelOf: (loop: Loop) => ModelRecord | undefined) {
    this.#parts = parts;
    this.#queue = queue;
    this.#modelOf = modelOf;
  }

  /** Takes the turn from `asking` to `dispatching`, or ends the loop when the model does not answer. */
  async ask(place: TurnPlace, step: number, signal: AbortSignal): Promise<void> {
    let answer: ModelAnswer;
    try {
      answer = await this.#answer(place, step, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ModelFailure)) throw error;
      this.#fail(place, error);
      return;
    }
    signal.throwIfAborted();
    this.#record(place, answer);
  }

  /** Names of the tools that a loop offers. */
  async offered(place: Pick<TurnPlace, 'run' | 'loop' | 'settings'>): Promise<string[]> {
    const { run, loop, settings } = place;
    const scope = { projectId: run.projectId, run: run.alias, loop: loop.sequence, mode: loop.mode, settings };
    const names = await this.#parts.hooks.apply('tools.offered', this.#parts.host.available(loop.mode, settings), scope);
    return names.filter((name) => this.#parts.host.tool(name) !== undefined);
  }

  async #answer(place: TurnPlace, step: number, signal: AbortSignal): Promise<ModelAnswer> {
    const { store } = this.#parts;
    const { project, loop, turn, settings } = place;
    const model = this.#modelOf(loop);
    if (!model)
      throw new ModelFailure(
        'model_config',
        `There is no model "${loop.model}" any more. Name another one with run/config, or add it with addModel.`,
      );
    const provider = this.#provider(model);
    const tools = (await this.offered(place)).map((name) => this.#toolSpec(name));
    const context = await assemble(this.#parts, place);
    signal.throwIfAborted();
    store.turns.setContext(turn.id, context.pieces);
    const limit = settings.contextLimit ?? model.contextLength;
    if (limit !== null && context.tokens > limit) {
      throw new ModelFailure(
        'model_context',
        `The context has about ${context.tokens} tokens, over the limit of ${limit}. Go on in a new run, raise contextLimit, or name a model with a longer context.`,
        413,
      );
    }
    const request: ModelRequest = {
      model: model.actual,
      messages: context.messages,
      tools,
      ...(settings.temperature === undefined ? {} : { temperature: settings.temperature }),
      projectRoot: project.root,
      step,
      mode: loop.mode,
      prompt: loop.prompt,
    };
    return await askModel(provider, request, signal);
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

  #toolSpec(name: string): ToolSpec {
    const tool = this.#parts.host.tool(name);
    return { name, description: tool?.definition.doc ?? '', inputSchema: tool?.schema ?? { type: 'object' } };
  }

  #record(place: TurnPlace, answer: ModelAnswer): void {
    const { store, journal } = this.#parts;
    const { run, loop, turn } = place;
    journal.commit('durable', (tx) => {
      if (this.#queue.loop(loop.id).status !== 102) return;
      if (answer.text.trim() !== '')
        this.#write(tx, place, { path: this.#path(place, 'model', 'text'), status: 200, body: answer.text, attributes: {} });
      for (const call of answer.calls) {
        const action = ACTION.test(call.tool) && call.tool !== 'model' ? call.tool : 'unknown';
        const path = this.#path(place, action, slugOfCall(call));
        this.#write(tx, place, { path, status: 100, body: '', attributes: this.#callAttributes(call) });
      }
      store.turns.update(turn.id, { phase: 'dispatching', text: answer.text, ...(answer.usage ? { usage: answer.usage } : {}) });
      tellProgress(tx, run, turn.sequence, 'dispatching', answer.text);
    });
  }

  #callAttributes(call: AnsweredCall): Entry['attributes'] {
    const { id, tool, input, bad } = call;
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
    return { tool, call_id: id, input, summary, ...(bad ? { raw: bad.raw, problem: bad.problem } : {}) };
  }

  /** The model did not answer: a log entry says what to do, the loop ends at 500, the run lives on (SPEC {#model_failure}). */
  #fail(place: TurnPlace, failure: ModelFailure): void {
    const { store, journal, logger } = this.#parts;
    const { run, loop, turn } = place;
    logger.warn(
      { run: run.alias, turn: turn.sequence, outcome: failure.outcome, status: failure.httpStatus ?? null },
      'a model did not answer',
    );
    journal.commit('durable', (tx) => {
      if (this.#queue.loop(loop.id).status !== 102) return;
      const attributes = { outcome: failure.outcome, ...(failure.httpStatus === undefined ? {} : { http_status: failure.httpStatus }) };
      const status = failure.outcome === 'model_context' ? 413 : 500;
      this.#write(tx, place, {
        path: this.#path(place, 'model', 'error'),
        status,
        outcome: failure.outcome,
        body: failure.message,
        attributes,
      });
      store.turns.update(turn.id, { phase: 'done' });
      tellProgress(tx, run, turn.sequence, 'done');
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
export function freePath(parts: RuntimeParts, runId: number, turn: number, action: string, slug: string): string {
  for (let number = 1; ; number++) {
    const path = logPath({ turn, action, slug: number === 1 ? slug : `${slug}-${number}` });
    if (!parts.store.entries.get(runId, path)) return path;
  }
}

function slugOfCall(call: AnsweredCall): string {
  for (const key of ['command', 'path', 'question', 'text']) {
    const value = call.input[key];
    if (typeof value === 'string') return slugOf(value);
  }
  return slugOf(call.bad ? 'unreadable' : call.tool);
}
