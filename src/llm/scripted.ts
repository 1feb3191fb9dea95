import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf } from '../core/errors.ts';
import { ModelFailure } from '../model/model-failure.ts';
import type { ModelEvent, ModelProvider, ModelRequest } from '../model/ports/model-provider.ts';
import { SCENARIOS } from './scenarios.ts';

const scenario = z.strictObject({
  steps: z
    .array(
      z.strictObject({
        say: z.string().optional(),
        calls: z.array(z.strictObject({ tool: z.string().min(1), input: z.record(z.string(), z.unknown()).default({}) })).default([]),
        /** Ends the answer as a model server that fails would. */
        fail: z.string().optional(),
        /** Milliseconds before the answer begins. */
        delay_ms: z.int().min(0).max(600_000).default(0),
      }),
    )
    .min(1),
});

/** Characters a piece of text has when it is streamed. */
const PIECE = 24;

/**
 * A model that plays a scenario: step N of it answers turn N of a loop (SPEC {#provider_scripted}). Deterministic, so a
 * loop that a restart interrupted goes on where it was. After the last step the last one is played again without its calls.
 */
export function scriptedProvider(): ModelProvider {
  return { name: 'scripted', ask };
}

async function* ask(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const { steps } = await load(request);
  const step = steps[Math.min(request.step, steps.length - 1)];
  if (!step) throw new ModelFailure('model_config', `The scenario ${request.model} has no steps.`);
  if (step.delay_ms > 0) await delay(step.delay_ms, undefined, { signal });
  if (step.fail !== undefined) throw new ModelFailure('model_http', step.fail, 500);
  const text = fill(step.say ?? '', request);
  for (let at = 0; at < text.length; at += PIECE) yield { type: 'text', text: text.slice(at, at + PIECE) };
  const calls = request.step < steps.length ? step.calls : [];
  for (const [index, { tool, input }] of calls.entries()) {
    yield { type: 'call', call: { id: `scripted_${request.step}_${index}`, tool, input: fillAll(input, request) } };
  }
  const inputTokens = Math.ceil(request.messages.reduce((sum, message) => sum + message.text.length, 0) / 4);
  yield { type: 'finish', usage: { inputTokens, outputTokens: Math.ceil(text.length / 4), cachedTokens: 0 }, reason: calls.length > 0 ? 'calls' : 'stop' };
}

async function load(request: ModelRequest): Promise<z.output<typeof scenario>> {
  const { model, projectRoot } = request;
  try {
    return scenario.parse(parse(SCENARIOS[model] ?? (await readContained(projectRoot, model))));
  } catch (error) {
    if (error instanceof ModelFailure) throw error;
    const why = error instanceof z.ZodError ? error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ') : messageOf(error);
    throw new ModelFailure('model_config', `The scenario ${model} cannot be used: ${why}. Its form is {steps: [{say?, calls?: [{tool, input}], fail?, delay_ms?}]}.`);
  }
}

async function readContained(root: string, path: string): Promise<string> {
  const file = await realpath(resolve(root, path));
  const inside = relative(await realpath(root), file);
  if (inside.startsWith('..') || isAbsolute(inside)) throw new Error('it lies outside the project root');
  return await readFile(file, 'utf8');
}

function fillAll(input: Readonly<Record<string, unknown>>, request: ModelRequest): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, typeof value === 'string' ? fill(value, request) : value]));
}

/** `{{prompt}}`: the last prompt. `{{match:/re/}}`: the first group of the last match in the newest tool result that has one. */
function fill(text: string, request: ModelRequest): string {
  return text.replace(/\{\{(prompt|match:\/(.+?)\/)\}\}/g, (_whole, _what, pattern?: string) => {
    const newest = [...request.messages].reverse();
    if (pattern === undefined) return newest.find((message) => message.role === 'user')?.text ?? '';
    for (const message of newest) {
      if (message.role !== 'tool') continue;
      const match = [...message.text.matchAll(new RegExp(pattern, 'g'))].at(-1);
      if (match) return match[1] ?? match[0];
    }
    return '(not found)';
  });
}
