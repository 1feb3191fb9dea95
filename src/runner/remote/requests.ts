import { HeadgateError } from '../../core/errors.ts';
import { parseProducerId } from '../../model/producer-id.ts';
import { type Producer, type ProducerSpec, pendingReceipt } from '../../model/records.ts';
import {
  type Assignment,
  type RunnerRequestHandlers,
  type RunnerRequestName,
  type RunnerRequestParams,
  runnerRequests,
} from '../../rpc/protocol/runners.ts';
import type { Runner } from '../runner.ts';
import type { RemoteLink } from './remote-link.ts';

/** Handles the requests of the server with a runner (SPEC {#runner_requests}). */
export function answererOf(o: {
  runner: Runner;
  link: RemoteLink;
  name: string;
  taken: (id: string, producer: Producer) => void;
  drain: () => void;
}) {
  const { runner, link, name } = o;
  const take = (assignment: Assignment): Producer => {
    const producer = producerOf(assignment, name);
    link.open(producer.entryId, assignment.producer, assignment.handle);
    o.taken(assignment.producer, producer);
    return producer;
  };
  const handlers: RunnerRequestHandlers = {
    'runner/start': (assignment) => {
      runner.start(take(assignment));
      return {};
    },
    'runner/adopt': (assignment) => {
      const offsets = Object.entries(assignment.offsets).map(([channel, offset]) => [Number(channel), offset] as const);
      runner.adopt(take(assignment), new Map(offsets));
      return {};
    },
    'runner/input': async ({ producer, chunk, eof, offset }) => ({
      ...(await runner.input(entryIdOf(producer), Buffer.from(chunk, 'base64'), eof, offset)),
    }),
    'runner/resize': async ({ producer, cols, rows, pixels }) => {
      await runner.resize(entryIdOf(producer), cols, rows, pixels);
      return {};
    },
    'runner/signal': async ({ producer, signal }) => {
      await runner.signal(entryIdOf(producer), signal);
      return {};
    },
    'runner/kill': ({ producer, epoch, path, ...request }) => {
      runner.kill({ ...bare(producer, name), epoch, path }, request);
      return {};
    },
    'runner/drain': () => {
      o.drain();
      return {};
    },
  };
  return (method: string, params: unknown): unknown => {
    if (!(method in runnerRequests)) throw new HeadgateError('method_not_found', `a runner has no method "${method.slice(0, 80)}"`);
    return call(handlers, method as RunnerRequestName, params);
  };
}

function call<M extends RunnerRequestName>(handlers: RunnerRequestHandlers, method: M, params: unknown): unknown {
  const parsed = runnerRequests[method].params.safeParse(params);
  if (!parsed.success) throw new HeadgateError('invalid_params', `${method}: ${parsed.error.issues[0]?.message ?? 'wrong params'}`);
  return handlers[method](parsed.data as RunnerRequestParams<M>);
}

function producerOf(assignment: Assignment, runner: string): Producer {
  const { producer, epoch, run, path, backend, state, bootId, spec, ref, kill, leftover, startedAt } = assignment;
  const receipt = kill && pendingReceipt(kill, 0);
  return {
    ...bare(producer, runner),
    run,
    path,
    backend,
    spec: spec as ProducerSpec,
    epoch,
    state,
    bootId,
    ref,
    startedAt,
    receipt: leftover ? null : receipt,
    ...(leftover ? { leftover: { ...leftover, pids: [], receipt, goneAt: null } } : {}),
  };
}

/** A producer by its name alone, which is enough to end it. Throws `invalid_params`. */
export function bare(id: string, runner: string): Producer {
  const known = parseProducerId(id);
  if (!known) throw new HeadgateError('invalid_params', `"${id}" is no name of a producer`, { producer: id });
  return {
    ...known,
    runId: 0,
    run: '',
    path: id,
    backend: 'process',
    runner,
    spec: { command: '', cwd: '/', env: {}, stdin: false },
    epoch: 1,
    state: 'cancelling',
    bootId: null,
    ref: null,
    exitCode: null,
    signal: null,
    receipt: null,
    startedAt: null,
    endedAt: null,
    lastOutputAt: null,
  };
}

function entryIdOf(id: string): number {
  return bare(id, '').entryId;
}
