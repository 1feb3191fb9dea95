import { HeadgateError } from '../core/errors.ts';
import { type Glob, glob } from './glob.ts';
import { type SubjectMatcher, subjectMatcher } from './subject.ts';

export type Decision = 'allow' | 'ask' | 'deny';

/** Characters of a rule's text at most. */
export const RULE_CHARS = 4096;

/** A rule as people write it: `sh(git status *)`, and what it decides (SPEC {#policy_rules}). */
export interface RuleText {
  readonly decision: Decision;
  /** `tool(pattern)`, or the tool alone for all of it. */
  readonly text: string;
}

/** Where a rule comes from. */
export type RuleSource = 'config' | 'stored' | 'default';

/** A rule that has been read. */
export interface Rule extends RuleText {
  readonly source: RuleSource;
  /** Id of a stored one. */
  readonly id?: number;
  readonly tool: Glob;
  /** Pattern over the text of a command; also over plain subjects. */
  readonly pattern: Glob;
  /** The pattern over a path or URL. */
  readonly subject: SubjectMatcher;
}

/** Splits `tool(pattern)`. Throws `invalid_params` that says what a rule looks like. */
export function splitRule(text: string): { tool: string; pattern: string } {
  const wrong = (why: string) =>
    new HeadgateError(
      'invalid_params',
      `the rule "${text.slice(0, 200)}" ${why}; write tool(pattern), such as sh(git status *) or set(file://src/**)`,
      {
        field: 'rule',
      },
    );
  if (text.length > RULE_CHARS) throw wrong(`is longer than ${RULE_CHARS} characters`);
  const found = /^([a-z*][a-z0-9_*-]{0,127})(?:\(([\s\S]*)\))?$/i.exec(text);
  if (!found) throw wrong('is no tool with a pattern');
  const [, tool = '', pattern = '*'] = found;
  if (pattern === '') throw wrong('has an empty pattern');
  if (hasControl(pattern)) throw wrong('contains a control character');
  return { tool, pattern };
}

/** Reads a rule. Throws `invalid_params` as `splitRule` does. */
export function readRule({ decision, text }: RuleText, source: RuleSource, id?: number): Rule {
  const { tool, pattern } = splitRule(text);
  return {
    decision,
    text,
    source,
    ...(id === undefined ? {} : { id }),
    tool: glob(tool),
    pattern: glob(pattern),
    subject: subjectMatcher(pattern, decision),
  };
}

/**
 * The rule that decides among those that match: any `deny`; else the most specific one, which is the one that names the tool,
 * then the one without wildcards, then the one with more literal characters, then with fewer wildcards; else `ask`.
 */
export function strongest(rules: readonly Rule[]): Rule | undefined {
  return rules.reduce<Rule | undefined>((best, rule) => (best === undefined || compare(rule, best) > 0 ? rule : best), undefined);
}

function compare(a: Rule, b: Rule): number {
  if ((a.decision === 'deny') !== (b.decision === 'deny')) return a.decision === 'deny' ? 1 : -1;
  const [left, right] = [weight(a), weight(b)];
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0;
    if (value !== other) return value - other;
  }
  return a.decision === 'ask' && b.decision === 'allow' ? 1 : 0;
}

function weight({ tool, pattern }: Rule): number[] {
  return [tool.wildcards === 0 ? 1 : 0, pattern.wildcards === 0 ? 1 : 0, pattern.literals, tool.literals, -pattern.wildcards];
}

function hasControl(text: string): boolean {
  for (const char of text) {
    const code = char.charCodeAt(0);
    if ((code < 32 && char !== '\n' && char !== '\t') || code === 127) return true;
  }
  return false;
}
