import type { Clock } from '../core/clock.ts';
import { overlay } from '../core/overlay.ts';
import { parseTraceparent, type TraceContext, traceparentOf } from '../core/trace-context.ts';
import type { ModelEvent, ModelProvider, ModelRequest } from '../model/ports/model-provider.ts';
import type { Store } from '../model/ports/store.ts';
import type { Entry, EventRecord, Loop, Producer, ProducerSpec, Run, Turn } from '../model/records.ts';
import { contextWithin, derivedId, type SpanSink } from './span.ts';

type Records = Pick<Store, 'entries' | 'loops' | 'madeAt' | 'producers' | 'runs' | 'turns'>;

/** What opens producers, as far as traces look at it. */
interface Opens<Tx, Plan, Result> {
  open(tx: Tx, entry: Entry, plan: Plan): Result;
}

/**
 * The spans of a server: loops, turns, model calls, proposals and commands (SPEC {#traces}). It looks on from outside, as `Metrics` does, and
 * makes each span when it has ended, from what is stored: so a restart in between loses none.
 */
export class Traces {
  readonly #store: Records;
  readonly #clock: Clock;
  readonly #sink: SpanSink;
  /** Log entry -> when it became a proposal. */
  readonly #proposedAt = new Map<number, number>();
  #calls = 0;

  constructor(options: { readonly store: Records; readonly clock: Clock; readonly sink: SpanSink }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#sink = options.sink;
  }

  /** An event that is stored. */
  event({ type, payload, projectId, at }: EventRecord): void {
    if (type === 'run/state' && typeof payload['loop'] === 'number') this.#loop(this.#run(projectId, payload), payload['loop']);
    else if (type === 'run/proposal') this.#proposed(this.#entry(projectId, payload), at);
    else if (type === 'run/resolved') this.#resolved(this.#entry(projectId, payload), payload, at);
    else if (type === 'stream/ended') this.#command(this.#entry(projectId, payload));
  }

  /** What opens producers, giving each command its own span as `TRACEPARENT`, unless the command was given another. */
  streams<Tx, Plan extends { readonly spec: ProducerSpec }, Result, T extends Opens<Tx, Plan, Result>>(streams: T): T {
    const own: Opens<Tx, Plan, Result> = {
      open: (tx, entry, plan) => {
        const env = { TRACEPARENT: traceparentOf(this.#ofCommand(entry).context), ...plan.spec.env };
        return streams.open(tx, entry, { ...plan, spec: { ...plan.spec, env } });
      },
    };
    return overlay<Opens<Tx, Plan, Result>>(streams, own) as T;
  }

  /** A provider with a span for each of its requests. */
  provider(provider: ModelProvider): ModelProvider {
    return overlay(provider, { ask: (request, signal) => this.#ask(provider, request, signal) });
  }

  async *#ask(provider: ModelProvider, request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const start = this.#clock.now();
    let finish: Extract<ModelEvent, { type: 'finish' }> | undefined;
    let error: string | undefined = 'aborted';
    try {
      for await (const event of provider.ask(request, signal)) {
        if (event.type === 'finish') finish = event;
        yield event;
      }
      error = undefined;
    } catch (thrown) {
      if (!signal.aborted) error = failureOf(thrown);
      throw thrown;
    } finally {
      this.#modelCall(provider.name, request, { start, error, finish });
    }
  }

  #modelCall(
    provider: string,
    { model, turn, temperature }: ModelRequest,
    { start, error, finish }: { start: number; error: string | undefined; finish: Extract<ModelEvent, { type: 'finish' }> | undefined },
  ): void {
    const parent = turn && this.#ofTurn(turn);
    this.#sink.end({
      name: `chat ${model}`,
      kind: 'client',
      context: contextWithin(parent, 'chat', this.#store.madeAt, start, ++this.#calls, turn?.id ?? 0),
      parentId: parent?.spanId,
      start,
      end: this.#clock.now(),
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': provider,
        'gen_ai.request.model': model,
        'gen_ai.request.temperature': temperature,
        'gen_ai.conversation.id': turn && this.#store.runs.byId(turn.runId)?.alias,
        'gen_ai.response.finish_reasons': finish && [finish.reason],
        'gen_ai.usage.input_tokens': finish?.usage.inputTokens,
        'gen_ai.usage.output_tokens': finish?.usage.outputTokens,
        'gen_ai.usage.cache_read.input_tokens': finish?.usage.cachedTokens,
      },
      error,
    });
  }

  /** The loop with its turns, once it has ended. */
  #loop(run: Run | undefined, sequence: number): void {
    const loop = run && this.#store.loops.list(run.id).find((one) => one.sequence === sequence);
    if (!run || !loop || loop.endedAt === null) return;
    const { context, parentId } = this.#ofLoop(loop);
    const conversation = { 'gen_ai.conversation.id': run.alias, 'headgate.loop': loop.sequence };
    for (const turn of this.#store.turns.list(run.id).filter(({ loopId }) => loopId === loop.id))
      this.#sink.end({
        name: 'turn',
        kind: 'internal',
        context: this.#within(context, turn),
        parentId: context.spanId,
        start: turn.startedAt,
        end: turn.endedAt ?? loop.endedAt,
        attributes: { ...conversation, 'headgate.turn': turn.sequence, 'headgate.model_requests': turn.requests },
      });
    this.#sink.end({
      name: 'invoke_agent headgate',
      kind: 'internal',
      context,
      parentId,
      start: loop.createdAt,
      end: loop.endedAt,
      attributes: {
        ...conversation,
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.agent.name': 'headgate',
        'gen_ai.request.model': loop.model,
        'headgate.mode': loop.mode,
        'headgate.status': loop.status,
      },
      error: loop.status === 200 ? undefined : (loop.outcome ?? String(loop.status)),
    });
  }

  #proposed(entry: Entry | undefined, at: number): void {
    if (entry) this.#proposedAt.set(entry.id, at);
  }

  #resolved(entry: Entry | undefined, { action, by }: EventRecord['payload'], at: number): void {
    if (!entry) return;
    // Before a restart it became a proposal at some time after it was recorded.
    const start = this.#proposedAt.get(entry.id) ?? entry.createdAt;
    this.#proposedAt.delete(entry.id);
    const parent = this.#parentOf(entry);
    this.#sink.end({
      name: 'proposal',
      kind: 'internal',
      context: contextWithin(parent ?? this.#ofCommand(entry).context, 'proposal', this.#store.madeAt, entry.id, entry.createdAt),
      parentId: (parent ?? this.#ofCommand(entry).context).spanId,
      start,
      end: at,
      attributes: {
        ...this.#ofEntry(entry),
        'headgate.proposal.action': String(action),
        'headgate.proposal.by': String(by),
        'headgate.proposal.waited_ms': Math.max(0, at - start),
      },
    });
  }

  #command(entry: Entry | undefined): void {
    const producer = entry && this.#store.producers.get(entry.id);
    if (!entry || !producer) return;
    const { context, parent } = this.#ofCommand(entry);
    const { tool, call_id: call } = entry.attributes;
    this.#sink.end({
      name: entry.loopId === null ? `command ${String(tool)}` : `execute_tool ${String(tool)}`,
      kind: 'internal',
      context,
      parentId: parent?.spanId,
      start: producer.createdAt,
      end: producer.endedAt ?? this.#clock.now(),
      attributes: {
        ...this.#ofEntry(entry),
        ...(entry.loopId === null
          ? {}
          : {
              'gen_ai.operation.name': 'execute_tool',
              'gen_ai.tool.name': String(tool),
              'gen_ai.tool.call.id': typeof call === 'string' ? call : undefined,
            }),
        ...ofProducer(producer),
        'headgate.outcome': entry.outcome ?? 'ok',
        'process.exit.code': producer.exitCode ?? undefined,
        'headgate.signal': producer.signal ?? undefined,
      },
      error: entry.status === 200 ? undefined : (entry.outcome ?? String(entry.status)),
    });
  }

  #ofEntry(entry: Entry): Record<string, string | undefined> {
    const run = this.#store.runs.byId(entry.runId)?.alias;
    return { 'gen_ai.conversation.id': run, 'headgate.path': entry.path };
  }

  /** The span of a command, and where it belongs. */
  #ofCommand(entry: Entry): { context: TraceContext; parent: TraceContext | undefined } {
    const parent = this.#parentOf(entry);
    return { context: contextWithin(parent, 'command', this.#store.madeAt, entry.id, entry.createdAt), parent };
  }

  /** A turn of the model, or the client that asked for it. */
  #parentOf(entry: Entry): TraceContext | undefined {
    const turn = entry.loopId === null ? undefined : this.#store.turns.get(entry.runId, entry.turn);
    return turn ? this.#ofTurn(turn) : parseTraceparent(entry.attributes['traceparent']);
  }

  #ofTurn(turn: Pick<Turn, 'id' | 'loopId' | 'startedAt'>): TraceContext | undefined {
    const loop = this.#store.loops.byId(turn.loopId);
    return loop && this.#within(this.#ofLoop(loop).context, turn);
  }

  #within({ traceId, sampled }: TraceContext, { id, startedAt }: Pick<Turn, 'id' | 'startedAt'>): TraceContext {
    return { traceId, sampled, spanId: derivedId(16, 'turn', this.#store.madeAt, id, startedAt) };
  }

  #ofLoop(loop: Loop): { context: TraceContext; parentId: string | undefined } {
    const prompt = this.#store.entries.get(loop.runId, `prompt://loop_${loop.sequence}/user`);
    const parent = parseTraceparent(prompt?.attributes['traceparent']);
    return { context: contextWithin(parent, 'loop', this.#store.madeAt, loop.id, loop.createdAt), parentId: parent?.spanId };
  }

  #run(projectId: number, { run }: EventRecord['payload']): Run | undefined {
    return this.#store.runs.byAlias({ projectId, madeWith: null }, String(run));
  }

  #entry(projectId: number, payload: EventRecord['payload']): Entry | undefined {
    const run = this.#run(projectId, payload);
    return run && this.#store.entries.get(run.id, String(payload['path']));
  }
}

/** Where a command ran. */
export function ofProducer({ backend, runner, assigned }: Producer): Record<string, string> {
  return { 'headgate.backend': backend, 'headgate.runner': assigned?.runner ?? runner };
}

/** One word for why a model did not answer, never what it said. */
function failureOf(error: unknown): string {
  const { outcome, name } = error as { outcome?: unknown; name?: unknown };
  return typeof outcome === 'string' ? outcome : typeof name === 'string' ? name : 'error';
}
