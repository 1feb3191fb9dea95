export { judgeApart, takingPlaceApart } from './apart.ts';
export { type Case, judge } from './judge.ts';
export { isShellTool, type ShellCase } from './judge-shell.ts';
export type { Judgement, PartVerdict } from './judgement.ts';
export { type Decision, type GivenRule, type Rule, type RuleSource, type RuleText, readRule, splitRule } from './rule.ts';
export type { Printed } from './shell/command.ts';
