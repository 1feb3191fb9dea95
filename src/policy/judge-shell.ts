import { relative } from 'node:path';
import { defined } from '../core/defined.ts';
import { realOf } from '../hooks/contained-path.ts';
import { insidePaths } from './inside-paths.ts';
import { type Judgement, type PartVerdict, ruleName, strictest } from './judgement.ts';
import { lookProblem, placeOfActs } from './looks/index.ts';
import { type Place, pathProblem } from './looks/paths.ts';
import { placeProblem } from './looks/place.ts';
import { forbidCommand, rememberCommands } from './remember.ts';
import { type Rule, strongest } from './rule.ts';
import { baseName, type ShellAct, type ShellCommand, type ShellScript, textOf } from './shell/command.ts';

/** A shell command that waits for a verdict. */
export interface ShellCase {
  readonly tool: string;
  readonly command: string;
  /** The words of `command` where they are executed as they are, without a shell. */
  readonly argv?: readonly string[];
  readonly root: string;
  /** Absolute folder that it is run in. */
  readonly cwd: string;
  /** Why rules cannot know what it does, apart from its text: variables, another machine. */
  readonly doubts: readonly string[];
  /** True: what only looks needs no rule (SPEC {#policy_defaults}). */
  readonly looks: boolean;
  /** False: there is no sandbox for it, and the list of what only looks is shorter (SPEC {#looks_place}). */
  readonly inSandbox?: boolean;
  /** Folders of PATH in which the project may have programs. */
  readonly projectPath?: readonly string[];
}

/** Commands of the shell that start no program and change nothing: beside others they need no rule. */
const HARMLESS = new Set([
  '[',
  'test',
  ':',
  'true',
  'false',
  'echo',
  'printf',
  'pwd',
  'exit',
  'break',
  'continue',
  'return',
  'shift',
  'wait',
  'read',
]);
/** The tools whose rules that do not allow hold for every tool that runs a shell command, and which what only looks needs no rule for. */
const SHELL_TOOLS = ['sh', 'env'];

/** True for a tool of which what only looks needs no rule (SPEC {#policy_defaults}). */
export function isShellTool(tool: string): boolean {
  return SHELL_TOOLS.includes(tool);
}

/**
 * Judges every command in a line (SPEC {#verdict}, {#policy_shell}). Of `sh`, whose lines mostly do something, a line is looked at as one
 * that only looks where the rules leave it to a person.
 */
export function judgeShell(one: ShellCase, script: ShellScript, rules: readonly Rule[]): Judgement {
  if (!one.looks || one.tool !== 'sh') return judgeLine(one, script, rules);
  const ruled = judgeLine({ ...one, looks: false }, script, rules);
  const looked = ruled.decision === 'ask' ? judgeLine(one, script, rules) : ruled;
  return looked.decision === 'allow' ? looked : ruled;
}

function judgeLine(one: ShellCase, script: ShellScript, rules: readonly Rule[]): Judgement {
  const here = folderOf(one, script.acts);
  const own = rules.filter(
    (rule) =>
      (rule.folder === undefined || rule.folder === here) &&
      (rule.tool.matches(one.tool) || (rule.decision !== 'allow' && SHELL_TOOLS.some((tool) => rule.tool.matches(tool)))),
  );
  const place = placeOfActs(script.acts, one.root, one.cwd);
  const alone = judgeActs(one, script, place, rules, own);
  // A line runs as a whole: beside what a rule allows, nothing in it is in a sandbox or has another PATH.
  const mixed = alone.parts.some(isRuled) && alone.parts.some(isLook);
  const beside = { ...one, inSandbox: false, looksBeside: true } as const;
  const { parts, free } = mixed ? judgeActs(beside, script, place, rules, own) : alone;
  const whole = strongest(own.filter((rule) => rule.decision === 'deny' && rule.pattern.matches(one.command.trim())));
  if (whole) parts.unshift({ text: one.command.trim(), decision: 'deny', rule: ruleName(whole), reason: 'a rule denies it' });
  if (parts.some(isRuled)) parts.splice(0, parts.length, ...parts.map(cdAsked));
  // Alone they need a rule as everything does.
  const settled = parts.length > 0 ? [...parts, ...free.map((part) => ({ ...part, reason: 'it starts no program' }))] : free.map(asked);
  // What a redirection writes is judged by the rules on writing files.
  const denies = script.unread && rules.some((rule) => rule.decision === 'deny' && (own.includes(rule) || rule.tool.matches('set')));
  const judgement = conclude(one, script, settled);
  return denies && judgement.decision === 'ask' ? { ...judgement, yoloAsks: true } : judgement;
}

/** Verdicts on what is in a line; `free` are those on what needs no rule beside others. */
function judgeActs(
  one: ShellCase & { readonly looksBeside?: true },
  script: ShellScript,
  place: Place | undefined,
  rules: readonly Rule[],
  own: readonly Rule[],
) {
  const parts: PartVerdict[] = [];
  const free: PartVerdict[] = [];
  const stays = !moves(script.acts);
  for (const act of script.acts) {
    if (act.kind === 'write') parts.push(judgeWrite(act.path, act.text, one, stays, rules));
    else if (act.kind === 'read') parts.push(...judgeRead(act.path, act.text, place));
    else {
      const verdict = judgeCommand(act, one, place, own);
      if (verdict) (verdict.reason === '' ? free : parts).push(verdict);
    }
  }
  return { parts, free };
}

function isRuled({ decision, rule }: PartVerdict): boolean {
  return decision === 'allow' && rule !== undefined;
}

function isLook({ decision, rule, reason }: PartVerdict): boolean {
  return decision === 'allow' && rule === undefined && reason !== '';
}

/** A rule that allows `npm test` says nothing of where. */
function cdAsked(part: PartVerdict): PartVerdict {
  if (part.rule !== undefined || part.decision !== 'allow' || !/^cd( |$)/.test(part.text)) return part;
  return { ...part, decision: 'ask', reason: 'it changes the folder of a command that a rule allows' };
}

function asked(part: PartVerdict): PartVerdict {
  return { ...part, decision: 'ask', reason: 'no rule is about it' };
}

function conclude(one: ShellCase, script: ShellScript, parts: PartVerdict[]): Judgement {
  const doubts = [...script.doubts, ...one.doubts];
  const first = strictest(parts);
  const forbid = forbidCommand(one.tool, one.command);
  const shared = { commands: parts, ...defined({ forbid }) };
  if (first?.decision === 'deny') return { ...shared, ...decided(first), remember: [] };
  if (doubts.length > 0 || !first) {
    return { ...shared, decision: 'ask', by: 'none', reason: doubts[0] ?? 'it holds no command', remember: [] };
  }
  if (first.decision === 'ask') {
    const remember = rememberCommands(one.tool, script.acts, parts, folderOf(one, script.acts));
    return { ...shared, ...decided(first), remember };
  }
  // Without doubts there always is one.
  if (!script.printed) throw new Error('what is allowed was not printed');
  const ruled = parts.find((part) => part.rule !== undefined);
  const runs = ruled ? script.printed : (script.looking ?? script.printed);
  return { ...shared, ...decided(ruled ?? first), runs, remember: [] };
}

function decided(part: PartVerdict): Pick<Judgement, 'decision' | 'by' | 'reason' | 'rule'> {
  const { decision, rule, reason } = part;
  const by = rule !== undefined ? 'rule' : decision === 'allow' ? 'default' : 'none';
  return { decision, by, reason: `${part.text.slice(0, 200)}: ${reason}`, ...defined({ rule }) };
}

/** Undefined for what is judged by another command; an empty reason for what needs no rule beside others. */
function judgeCommand(
  act: ShellCommand,
  one: ShellCase & { readonly looksBeside?: true },
  place: Place | undefined,
  rules: readonly Rule[],
): PartVerdict | undefined {
  const { text } = act;
  const known = spellings(act);
  const denied = strongest(rules.filter((rule) => rule.decision === 'deny' && known.some((spelling) => rule.pattern.matches(spelling))));
  if (denied) return { text, decision: 'deny', rule: ruleName(denied), reason: 'a rule denies it' };
  if (act.denyOnly) return undefined;
  const found = strongest(
    rules.filter(({ decision, pattern }) => {
      if (decision === 'ask') return known.some((spelling) => pattern.matches(spelling));
      return decision === 'allow' && pattern.matches(text) && (act.exactOnly === undefined || pattern.wildcards === 0);
    }),
  );
  if (found?.decision === 'ask') return { text, decision: 'ask', rule: ruleName(found), reason: 'a rule wants it asked' };
  if (found) return { text, decision: 'allow', rule: ruleName(found), reason: 'a rule allows it' };
  const problem = one.looks ? (place ? (placeProblem(act, one) ?? lookProblem(act, place)) : 'cd leads out of the project') : undefined;
  const isHarmless = act.exactOnly === undefined && act.assigned.length === 0 && HARMLESS.has(act.words[0]?.text ?? '');
  if (one.looks && problem === undefined)
    return { text, decision: 'allow', reason: isHarmless && one.tool === 'sh' ? '' : 'it only looks' };
  if (isHarmless && !one.looks) return { text, decision: 'allow', reason: '' };
  return { text, decision: 'ask', reason: act.exactOnly ?? problem ?? 'no rule is about it' };
}

/** Texts under which a rule that does not allow may know a command. */
function spellings(act: ShellCommand): string[] {
  const [first, ...rest] = act.words;
  const bare = textOf(act.words);
  if (!first?.literal) return [act.text, bare];
  return [...new Set([act.text, bare, textOf([{ text: baseName(first.text), literal: true }, ...rest])])];
}

/** True for a line that changes its folder. */
function moves(acts: readonly ShellAct[]): boolean {
  return acts.some((act) => act.kind === 'program' && /^(cd|pushd|popd)$/.test(act.words[0]?.text ?? ''));
}

/** The folder of a whole line as rules name it; undefined where it changes on the way, or is not in the project. */
function folderOf({ root, cwd }: ShellCase, acts: readonly ShellAct[]): string | undefined {
  const way = relative(realOf(root), realOf(cwd));
  return moves(acts) || way === '..' || way.startsWith('../') ? undefined : way || '.';
}

/** A redirection that writes is judged as the tool `set` is, on the same file. */
function judgeWrite(path: string, text: string, one: ShellCase, stays: boolean, rules: readonly Rule[]): PartVerdict {
  const subjects = stays ? insidePaths(path, one) : undefined;
  const loose = `file://${path.replace(/^\.\//, '')}`;
  const found = strongest(
    rules.filter((rule) => {
      if (rule.folder !== undefined || !rule.tool.matches('set')) return false;
      if (rule.decision === 'allow') return subjects?.every(rule.subject) ?? false;
      return (subjects ?? [loose]).some(rule.subject);
    }),
  );
  if (found)
    return {
      text,
      decision: found.decision,
      rule: ruleName(found),
      reason: `a rule on writing files ${found.decision === 'allow' ? 'allows' : found.decision === 'deny' ? 'denies' : 'asks about'} it`,
    };
  return {
    text,
    decision: 'ask',
    reason:
      subjects === undefined
        ? 'it writes a file outside of the project, or after a change of folder'
        : 'it writes a file, and no rule set(file://...) allows that',
  };
}

/** A file that a redirection reads, whatever command or group it is given to: rules that allow say nothing of it. */
function judgeRead(path: string, text: string, place: Place | undefined): PartVerdict[] {
  if (path === '/dev/null') return [];
  const problem = place ? pathProblem({ text: path, literal: true }, place) : 'cd leads out of the project';
  return problem === undefined ? [] : [{ text, decision: 'ask', reason: problem }];
}
