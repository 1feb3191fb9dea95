import { judgeShell, type ShellCase } from './judge-shell.ts';
import { judgeSubject, type SubjectCase } from './judge-subject.ts';
import type { Judgement } from './judgement.ts';
import type { Rule } from './rule.ts';
import { readScript, readWords } from './shell/script.ts';

/** What is to be judged: a shell command, or what a tool's proposal is about. */
export type Case = ({ readonly kind: 'shell' } & ShellCase) | ({ readonly kind: 'subject' } & SubjectCase);

/** What rules decide on a proposal (SPEC {#verdict}). Never throws for what the command is. */
export async function judge(one: Case, rules: readonly Rule[]): Promise<Judgement> {
  if (one.kind === 'subject') return judgeSubject(one, rules);
  return judgeShell(one, await (one.argv ? readWords(one.argv, one.command) : readScript(one.command)), rules);
}
