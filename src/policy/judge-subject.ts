import { type Judgement, ruleName } from './judgement.ts';
import { subjectRule } from './remember.ts';
import { type Rule, strongest } from './rule.ts';

/** Judges a proposal by the one file, address or text that it is about (SPEC {#policy_rules}). */
export function judgeSubject(tool: string, subject: string, rules: readonly Rule[]): Judgement {
  const found = strongest(rules.filter((rule) => rule.tool.matches(tool) && rule.subject(subject)));
  const decision = found?.decision ?? 'ask';
  const reason = found
    ? { allow: 'a rule allows it', ask: 'a rule wants it asked', deny: 'a rule denies it' }[found.decision]
    : 'no rule is about it';
  const text = subject === '' ? tool : subject;
  const rule = found && ruleName(found);
  const own = subjectRule(tool, subject);
  return {
    decision,
    by: found ? 'rule' : 'none',
    ...(rule === undefined ? {} : { rule }),
    reason: `${text.slice(0, 200)}: ${reason}`,
    commands: [{ text, decision, reason, ...(rule === undefined ? {} : { rule }) }],
    remember: found || own === undefined ? [] : [own],
    ...(own === undefined ? {} : { forbid: own }),
  };
}
