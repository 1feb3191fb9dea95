import { defined } from '../../core/defined.ts';
import { HeadgateError } from '../../core/errors.ts';
import type { ProposedProducer } from '../../hooks/plugin.ts';
import type { ProposedServerProducer } from '../../hooks/producer.ts';
import type { SandboxPolicy } from '../sandbox-policy.ts';
import { channelNames } from './definition.ts';
import type { Kinds } from './kinds.ts';

const MAX_INPUT_BYTES = 1024 * 1024;
const MAX_TITLE_CHARS = 1000;

/** True for what a plugin would run in the server itself. */
export function isOfServer(producer: ProposedProducer | ProposedServerProducer): producer is ProposedServerProducer {
  return producer.runner === 'server';
}

/**
 * What a tool has proposed to run in the server, with everything that a producer record holds. Throws for a kind that does not exist, a
 * channel that it does not have, and an input that is no JSON object of at most 1 MiB.
 */
export function planned(producer: ProposedServerProducer, kinds: Kinds, summary: string): ProposedProducer {
  const { backend, spec, channels } = producer;
  const found = kinds.find(backend);
  if (!found) throw new Error(`it proposed a producer "${backend}", which no plugin has; those there are: ${[...kinds.keys()].join(', ')}`);
  const names = channelNames(found.definition);
  const numbers = channels ?? Object.keys(names).map(Number);
  const unknown = numbers.find((number) => names[number] === undefined);
  if (numbers.length === 0 || unknown !== undefined)
    throw new Error(`it proposed channel ${unknown ?? 'none'} of "${backend}", which has ${Object.keys(names).join(', ')}`);
  const input = jsonOf(spec?.input, backend);
  return {
    backend,
    runner: 'server',
    channels: [...new Set(numbers)],
    spec: {
      command: (spec.command ?? summary).slice(0, MAX_TITLE_CHARS),
      cwd: '',
      env: {},
      stdin: found.definition.input === true,
      input,
      channelNames: names,
      ...defined({ timeoutMs: spec.timeoutMs }),
    },
  };
}

/**
 * Throws `forbidden` where the commands of this server have no network and what is to run in it would have one: policy alone must not lead
 * around a sandbox (SPEC {#sandbox_default}).
 */
export function checkReach(producer: ProposedProducer, kinds: Kinds, policy: SandboxPolicy | undefined): void {
  if (!policy || policy.network || producer.runner !== 'server') return;
  if (kinds.find(producer.backend)?.definition.network !== true) return;
  throw new HeadgateError(
    'forbidden',
    `this server's sandbox has no network, so "${producer.backend}" reaches nothing; ask the person who runs the server`,
    {
      field: 'backend',
    },
  );
}

function jsonOf(input: unknown, kind: string): Readonly<Record<string, unknown>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw new Error(`the spec.input for "${kind}" is no object`);
  const text = JSON.stringify(input);
  if (text.length > MAX_INPUT_BYTES) throw new Error(`the spec.input for "${kind}" has more than ${MAX_INPUT_BYTES} bytes`);
  return JSON.parse(text) as Record<string, unknown>;
}
