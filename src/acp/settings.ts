import type { SessionConfigOption, SessionModeState } from '@agentclientprotocol/sdk';
import { badParams } from './errors.ts';
import type { Mode } from './loops.ts';

const MODES: readonly { readonly id: Mode; readonly name: string; readonly description: string }[] = [
  { id: 'act', name: 'Act', description: 'Does things; asks before each that no rule allows' },
  { id: 'ask', name: 'Ask', description: 'Looks and answers; changes nothing' },
  { id: 'yolo', name: 'Yolo', description: 'Does things and asks about none that no rule denies' },
];

/** The modes of a session, as editors pick them (SPEC {#acp_settings}). */
export function modeState(mode: Mode): SessionModeState {
  return { currentModeId: mode, availableModes: MODES.map((one) => ({ ...one })) };
}

/** The mode of this id. Throws -32602. */
export function modeOf(id: unknown): Mode {
  const found = MODES.find((one) => one.id === id);
  if (found) return found.id;
  throw badParams(`there is no mode ${String(id)}; there are ${MODES.map((one) => one.id).join(', ')}`, { field: 'modeId' });
}

/** Mode and model of a session as options with a list each; without a model the mode alone. */
export function configOptions(mode: Mode, model: string | undefined, models: readonly string[]): SessionConfigOption[] {
  const modes: SessionConfigOption = {
    type: 'select',
    id: 'mode',
    name: 'Mode',
    category: 'mode',
    currentValue: mode,
    options: MODES.map(({ id, name, description }) => ({ value: id, name, description })),
  };
  if (model === undefined) return [modes];
  const options = [...new Set([...models, model])].map((alias) => ({ value: alias, name: alias }));
  return [modes, { type: 'select', id: 'model', name: 'Model', category: 'model', currentValue: model, options }];
}
