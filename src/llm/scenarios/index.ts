import type { Scenario } from '../scenario.ts';
import { defaultScenario } from './default.ts';
import { demo } from './demo.ts';

/** The scenarios that are part of the program, by the model's `actual` name. */
export const SCENARIOS = { default: defaultScenario, demo } as const satisfies Record<string, Scenario>;

export function isBuiltIn(name: string): name is keyof typeof SCENARIOS {
  return Object.hasOwn(SCENARIOS, name);
}
