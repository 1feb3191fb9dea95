import type { Decision, Rule } from './rule.ts';
import type { Printed } from './shell/command.ts';

/** What was decided of one command, file or address. */
export interface PartVerdict {
  /** Its text as rules see it. */
  readonly text: string;
  readonly decision: Decision;
  /** The rule that decided, such as `allow sh(git status *)`. */
  readonly rule?: string;
  /** Why, for people. */
  readonly reason: string;
}

/** What rules decide on a proposal, and why. */
export interface Judgement {
  readonly decision: Decision;
  /** `rule`: rules of people; `default`: the list of what only looks; `none`: nothing decides, so people are asked. */
  readonly by: 'rule' | 'default' | 'none';
  readonly rule?: string;
  readonly reason: string;
  readonly commands: PartVerdict[];
  /** A person is asked, also under `yolo`: it cannot be read, so what rules deny may be in it (SPEC {#verdict}). */
  readonly yoloAsks?: true;
  /** What is run where no person is asked: the command that was judged, printed again (SPEC {#policy_printed}). */
  readonly runs?: Printed;
  /** Rules that `remember` writes with an accept; empty when none narrow enough can be made. */
  readonly remember: string[];
  /** The rule that `remember` writes with a reject; absent when none can be made. */
  readonly forbid?: string;
}

/** A rule as verdicts name it. */
export function ruleName(rule: Rule): string {
  return `${rule.decision} ${rule.text}`;
}

/** The verdict on the whole from those on its parts, the strictest first; a part that allows is no reason for the others. */
export function strictest(parts: readonly PartVerdict[]): PartVerdict | undefined {
  return parts.find(({ decision }) => decision === 'deny') ?? parts.find(({ decision }) => decision === 'ask') ?? parts[0];
}
