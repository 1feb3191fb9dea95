import { resolve } from 'node:path';
import { defined } from '../core/defined.ts';
import { realOf } from '../hooks/contained-path.ts';
import { insidePaths } from './inside-paths.ts';
import { type Judgement, type PartVerdict, ruleName, strictest } from './judgement.ts';
import { subjectRule } from './remember.ts';
import { type Rule, strongest } from './rule.ts';

/** A proposal that is about files, an address or a text, and waits for a verdict. */
export interface SubjectCase {
  readonly tool: string;
  /** What it is about, each of which has to be allowed; `['']` for nothing that could be named. */
  readonly subjects: readonly string[];
  /** Absolute folder that paths of files are relative to. */
  readonly root: string;
}

/** Judges a proposal by what it is about: a file under its own path and the one that links lead to (SPEC {#policy_rules}). */
export function judgeSubject({ tool, subjects, root }: SubjectCase, rules: readonly Rule[]): Judgement {
  const own = rules.filter((rule) => rule.folder === undefined && rule.tool.matches(tool));
  const names = [...new Set(subjects.flatMap((subject) => namesOf(subject, root)))];
  const parts = names.map((name) => partOf(name, own));
  const first = strictest(parts);
  if (!first) throw new Error('a proposal is about nothing');
  const { decision, rule, reason } = first;
  const asked = parts.filter((part) => part.decision === 'ask');
  const remember = decision === 'ask' ? asked.map((part) => (part.rule === undefined ? subjectRule(tool, part.text) : undefined)) : [];
  const forbid = subjectRule(tool, first.text);
  const shown = (text: string) => (text === '' ? tool : text);
  return {
    decision,
    by: rule === undefined ? 'none' : 'rule',
    ...defined({ rule }),
    reason: `${shown(first.text).slice(0, 200)}: ${reason}`,
    commands: parts.map((part) => ({ ...part, text: shown(part.text) })),
    remember: remember.every((text) => text !== undefined) ? remember : [],
    ...defined({ forbid }),
  };
}

function partOf(text: string, rules: readonly Rule[]): PartVerdict {
  const found = strongest(rules.filter((rule) => rule.subject(text)));
  if (!found) return { text, decision: 'ask', reason: 'no rule is about it' };
  const reason = { allow: 'a rule allows it', ask: 'a rule wants it asked', deny: 'a rule denies it' }[found.decision];
  return { text, decision: found.decision, reason, rule: ruleName(found) };
}

/** The paths under which a file is judged; of one outside also the one that links lead to, which no rule that allows takes in. */
function namesOf(subject: string, root: string): string[] {
  if (!subject.startsWith('file://')) return [subject];
  const path = subject.slice('file://'.length);
  return insidePaths(path, { root, cwd: root }) ?? [subject, `file://${realOf(resolve(root, path))}`];
}
