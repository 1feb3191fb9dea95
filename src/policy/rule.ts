import { posix } from 'node:path';
import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import { type Glob, glob } from './glob.ts';
import { type SubjectMatcher, subjectMatcher } from './subject.ts';

export type Decision = 'allow' | 'ask' | 'deny';

/** Characters of a rule's text at most. */
export const RULE_CHARS = 4096;

/** A rule as people write it: `sh(git status *)`, and what it decides (SPEC {#policy_rules}). */
export interface RuleText {
  readonly decision: Decision;
  /** `tool(pattern)`, or the tool alone for all of it; behind it ` in FOLDER` for a rule that holds in one folder only. */
  readonly text: string;
}

/** Where a rule comes from. */
export type RuleSource = 'config' | 'stored' | 'default';

/** A rule as it is kept. */
export interface GivenRule extends RuleText {
  readonly source: RuleSource;
  /** Id of a stored one. */
  readonly id?: number;
}

/** A rule that has been read. */
export interface Rule extends GivenRule {
  readonly tool: Glob;
  /** Pattern over the text of a command; also over plain subjects. */
  readonly pattern: Glob;
  /** Folder in which it holds, relative to the root, `.` for that itself; undefined: in every one. */
  readonly folder?: string;
  /** The pattern over a path or URL. */
  readonly subject: SubjectMatcher;
}

/**
 * Splits `tool(pattern)` and `tool(pattern) in FOLDER`. Throws `invalid_params` that says what a rule looks like, also for one with a folder
 * that does not allow: what is asked about or denied is so wherever it runs.
 */
export function splitRule({ text, decision }: RuleText): { tool: string; pattern: string; folder?: string } {
  const wrong = (why: string) =>
    new HeadgateError(
      'invalid_params',
      `the rule "${text.slice(0, 200)}" ${why}; write tool(pattern), such as sh(git status *) or set(file://src/**)`,
      {
        field: 'rule',
      },
    );
  if (text.length > RULE_CHARS) throw wrong(`is longer than ${RULE_CHARS} characters`);
  const found = /^([a-z*][a-z0-9_*-]{0,127})(?:\(([\s\S]*)\)(?: in ([^()]+))?)?$/i.exec(text);
  if (!found) throw wrong('is no tool with a pattern');
  const [, tool = '', pattern = '*', folder] = found;
  if (pattern === '') throw wrong('has an empty pattern');
  if (hasControl(pattern)) throw wrong('contains a control character');
  if (folder === undefined) return { tool, pattern };
  if (decision !== 'allow') throw wrong(`names a folder, which only a rule that allows may; leave " in ${folder.slice(0, 80)}" out`);
  if (hasControl(folder) || posix.isAbsolute(folder) || posix.normalize(folder) !== folder || /^\.\.(\/|$)|\/$/.test(folder))
    throw wrong(`names the folder ${folder.slice(0, 80)}, which is not below the project root`);
  return { tool, pattern, folder };
}

/** Reads a rule. Throws `invalid_params` as `splitRule` does. */
export function readRule({ decision, text }: RuleText, source: RuleSource, id?: number): Rule {
  const { tool, pattern, folder } = splitRule({ decision, text });
  let subject: SubjectMatcher | undefined;
  return {
    decision,
    text,
    source,
    ...defined({ id }),
    tool: glob(tool),
    pattern: glob(pattern),
    ...defined({ folder }),
    // Made for the first subject: a project has many rules that are about commands only.
    subject: (text) => (subject ??= subjectMatcher(pattern, decision))(text),
  };
}

/** Rules that were read and are kept at most. */
const KEPT = 4000;
const kept = new Map<string, Rule>();

/** The same for rules as they are kept, each of which is read once. */
export function readRules(rules: readonly GivenRule[]): Rule[] {
  if (kept.size > KEPT) kept.clear();
  return rules.map((rule) => {
    const key = `${rule.source} ${rule.id ?? ''} ${rule.decision} ${rule.text}`;
    const known = kept.get(key) ?? readRule(rule, rule.source, rule.id);
    kept.set(key, known);
    return known;
  });
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
