import type { ProposedProducer } from '../hooks/plugin.ts';
import { commandText } from '../model/launch.ts';
import { watchTitle } from '../model/place.ts';
import { takingPlace } from '../policy/index.ts';

/**
 * What is proposed, with the line by which one simple command takes the place of its shell (SPEC {#backend_process}). Whatever a plugin has put
 * there, what is run is what its `command` says: that is judged and shown.
 */
export async function launched(producer: ProposedProducer): Promise<ProposedProducer> {
  const { line: _, ...spec } = producer.spec;
  if (producer.runner === 'server') return { ...producer, spec };
  if (spec.argv) return { ...producer, spec: { ...spec, command: commandText(spec.argv) } };
  if (spec.shell !== undefined && spec.shell !== 'sh') return { ...producer, spec };
  const line = watchTitle(spec) === undefined ? await takingPlace(spec.command) : undefined;
  return { ...producer, spec: line === undefined ? spec : { ...spec, line } };
}
