import { setTimeout as delay } from 'node:timers/promises';
import { HeadgateError, messageOf } from '../core/errors.ts';
import { readSmallFile } from '../core/small-file.ts';
import { parseYaml } from '../core/yaml.ts';
import { containedPath } from '../hooks/contained-path.ts';
import { ModelFailure } from '../model/model-failure.ts';
import type { ModelEvent, ModelProvider, ModelRequest } from '../model/ports/model-provider.ts';
import { parseScenario, type Scenario, type Step } from './scenario.ts';
import { isBuiltIn, SCENARIOS } from './scenarios/index.ts';
import { conditionHolds, fill, fillDeep } from './template.ts';

/** Bytes of a scenario beyond which it is not read. */
const MAX_SCENARIO_BYTES = 256 * 1024;

/**
 * Plays a scenario instead of thinking: the built-in `default` or `demo`, or a YAML file within the project root. The
 * step is the number of the turn in its loop, so a scenario goes on after a restart where it was (SPEC {#scripted}).
 */
export function scripted(): ModelProvider {
  return { name: 'scripted', ask };
}

async function* ask(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const scenario = await load(request);
  const steps = scenario.steps.filter(({ when }) => when === undefined || conditionHolds(when, request));
  const step: Step = steps[request.step] ?? { say: 'The scenario has no more steps.' };
  if (step.delay_ms !== undefined) await pause(step.delay_ms, signal);
  if (signal.aborted) throw cancelled();
  if (step.fail !== undefined) throw new ModelFailure(step.fail, `The scenario "${request.model}" fails here, as it says.`);
  const text = step.say === undefined ? '' : fill(step.say, request);
  if (text !== '') yield { type: 'text', text };
  const calls = step.calls ?? [];
  for (const [index, { tool, input }] of calls.entries()) {
    const id = `scripted-${request.step + 1}-${index + 1}`;
    yield { type: 'call', call: { id, tool, input: fillDeep(input, request) as Record<string, unknown> } };
  }
  const characters = request.messages.reduce((sum, message) => sum + message.text.length, 0);
  const usage = { inputTokens: Math.ceil(characters / 4), outputTokens: Math.ceil(text.length / 4), cachedTokens: 0 };
  yield { type: 'finish', usage, reason: calls.length > 0 ? 'calls' : 'stop' };
}

async function load(request: ModelRequest): Promise<Scenario> {
  const { model, projectRoot } = request;
  if (isBuiltIn(model)) return SCENARIOS[model];
  try {
    return parseScenario(
      parseYaml(readSmallFile(containedPath(projectRoot, model, 'scenario'), MAX_SCENARIO_BYTES, { links: true }), { maxAliasCount: 100 }),
    );
  } catch (error) {
    const known = Object.keys(SCENARIOS).join(', ');
    throw new ModelFailure(
      'model_config',
      `The scenario "${model}" cannot be played: ${messageOf(error)}. It is a YAML file inside the project root, or one of ${known}.`,
    );
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    throw cancelled();
  }
}

function cancelled(): HeadgateError {
  return new HeadgateError('cancelled', 'the request to the model was cancelled');
}
