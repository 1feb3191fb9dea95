import { HeadgateError } from '../core/errors.ts';
import type { ProposedProducer } from '../hooks/plugin.ts';

/** With the channels that a client names, number to name. Throws `invalid_params` where something else than the client fills them (SPEC {#client_channels}). */
export function withChannels(producer: ProposedProducer, names: Readonly<Record<string, string>> | undefined): ProposedProducer {
  if (names === undefined) return producer;
  if (producer.runner !== 'client') {
    throw new HeadgateError('invalid_params', 'channels are those that the caller fills; leave them out, or give runner: "client"', {
      field: 'channels',
    });
  }
  const numbers = [...new Set([...producer.channels, ...Object.keys(names).map(Number)])].sort((a, b) => a - b);
  return { ...producer, channels: numbers, spec: { ...producer.spec, channelNames: { ...producer.spec.channelNames, ...names } } };
}
