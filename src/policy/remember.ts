import { escapeGlob } from './glob.ts';
import type { PartVerdict } from './judgement.ts';
import { RULE_CHARS } from './rule.ts';
import { baseName, type ShellAct, type ShellCommand } from './shell/command.ts';
import { filePath, plainUrl } from './subject.ts';

/** Programs that show no text of a file and that no option has run or write anything: any words may follow. */
const OPEN = new Set(['ls', 'stat', 'basename', 'dirname']);
/** Folders that a rule can name. */
const FOLDER = /^[\w./@+ -]{1,200}$/;

/**
 * The rules that an accept with `remember` writes: one for each command that no rule allows yet, its exact text, in `folder` only; of some
 * programs any words. Empty when one of them cannot be had (SPEC {#policy_remember}).
 */
export function rememberCommands(
  tool: string,
  acts: readonly ShellAct[],
  parts: readonly PartVerdict[],
  folder: string | undefined,
): string[] {
  const rules = new Set<string>();
  if (folder === undefined || !FOLDER.test(folder)) return [];
  for (const part of parts) {
    if (part.decision === 'allow') continue;
    const act = acts.find((one): one is ShellCommand => one.kind === 'program' && !one.denyOnly && one.text === part.text);
    // A rule of people says that it is to be asked; what is written is not remembered by a command.
    if (!act || part.rule !== undefined || act.exactOnly !== undefined) return [];
    // What it will be given is not known.
    if (baseName(act.words[0]?.text ?? '') === 'xargs') return [];
    if (act.words.some((word) => !word.literal && word.glob !== true)) return [];
    if (act.assigned.some((text) => !/^\w+=[\w./:@%+,-]*$/.test(text))) return [];
    if (act.text.length > RULE_CHARS / 4 || /[\n\t]/.test(act.text)) return [];
    rules.add(`${tool}(${patternOf(act)}) in ${folder}`);
  }
  return [...rules];
}

function patternOf(act: ShellCommand): string {
  const [program] = act.words;
  const open = act.assigned.length === 0 && program?.literal === true && OPEN.has(program.text);
  return open ? `${program.text} *` : escapeGlob(act.text);
}

/** The rule that denies exactly this command. */
export function forbidCommand(tool: string, command: string): string | undefined {
  return exactRule(tool, escapeGlob(command.trim()));
}

/** The rule about exactly this file or address; undefined for what has no exact name. */
export function subjectRule(tool: string, subject: string): string | undefined {
  if (subject.startsWith('file://')) {
    const path = filePath(subject);
    return path !== undefined && /^[\w./@+-]+$/.test(path) ? exactRule(tool, `file://${path}`) : undefined;
  }
  const url = plainUrl(subject);
  return url && exactRule(tool, escapeGlob(`${url.origin}${url.pathname}${url.search}`));
}

function exactRule(tool: string, pattern: string): string | undefined {
  const text = `${tool}(${pattern})`;
  for (const char of pattern) if ((char < ' ' && char !== '\n' && char !== '\t') || char === '\u007f') return undefined;
  return text.length <= RULE_CHARS && pattern !== '' ? text : undefined;
}
