import type { ProducerDefinition } from '../../hooks/producer.ts';
import { BACKENDS } from '../../model/place.ts';

const KIND = /^[a-z][a-z0-9_]{0,31}$/;
const NAME = /^[a-z][a-z0-9 _-]{0,31}$/;
const MAX_CHANNEL = 99;
const USUAL: Readonly<Record<number, string>> = { 1: 'output', 2: 'notes' };

/** Names of a kind's channels by number. */
export function channelNames(definition: ProducerDefinition): Readonly<Record<number, string>> {
  return definition.channels ?? USUAL;
}

/** Throws with what is wrong with a definition: it may have been written without types. */
export function checkDefinition(definition: ProducerDefinition): void {
  const { kind, start } = definition;
  if (typeof kind !== 'string' || !KIND.test(kind)) throw new Error(`producer kind "${String(kind)}" is outside a-z, 0-9 and _`);
  if ((BACKENDS as readonly string[]).includes(kind)) throw new Error(`producer kind "${kind}" is the name of a backend`);
  if (typeof start !== 'function') throw new Error(`producer kind "${kind}" has no function start`);
  const channels = Object.entries(channelNames(definition));
  if (channels.length === 0) throw new Error(`producer kind "${kind}" has no channels`);
  for (const [number, name] of channels) {
    if (!/^[1-9]\d?$/.test(number) || Number(number) > MAX_CHANNEL)
      throw new Error(`channel "${number}" of "${kind}" is no number from 1 to 99`);
    if (typeof name !== 'string' || !NAME.test(name)) throw new Error(`the name of channel ${number} of "${kind}" is no lower case word`);
  }
}
