import type { ProposedProducer } from '../hooks/plugin.ts';
import { commandText } from '../model/launch.ts';
import { watchTitle } from '../model/place.ts';
import { type Printed, takingPlaceApart } from '../policy/index.ts';

/**
 * What is proposed, with the line by which one simple command takes the place of its shell (SPEC {#backend_process}). Whatever a plugin has put
 * there, what is run is what its `command` says: that is judged and shown. `printed` is run in its place where nobody is asked
 * (SPEC {#policy_printed}).
 */
export async function launched(producer: ProposedProducer, printed?: Printed): Promise<ProposedProducer> {
  const { line: _, ...spec } = producer.spec;
  if (producer.runner === 'server') return { ...producer, spec };
  if (spec.argv) {
    const command = printed ? spec.command : commandText(spec.argv);
    return { ...producer, spec: { ...spec, command, ...(printed && 'argv' in printed ? { argv: printed.argv } : {}) } };
  }
  const said = printed && 'line' in printed ? printed.line : undefined;
  const inPlace = (spec.shell === undefined || spec.shell === 'sh') && watchTitle(spec) === undefined;
  const line = (inPlace ? await takingPlaceApart(said ?? spec.command) : undefined) ?? said;
  return { ...producer, spec: line === undefined ? spec : { ...spec, line } };
}
