/** What the attributes of a log entry and of a proposal record of their action, read (SPEC {#action}). */
export { type Action, actionOf, type LeftoverFacts, type Members, type Question, type RulesToRemember } from '../../model/action.ts';
export { leftoverLine } from '../../model/leftover-line.ts';
export { placeLine } from '../../model/place-line.ts';
