import { resolve } from 'node:path';
import { defined } from '../core/defined.ts';
import type { ProposedProducer, ToolOutcome } from '../hooks/plugin.ts';
import type { Entry } from '../model/records.ts';
import { type Case, isShellTool, type Judgement } from '../policy/index.ts';
import type { LookPlace } from './look-place.ts';

type Proposal = Omit<Extract<ToolOutcome, { kind: 'proposal' }>, 'producer'> & { readonly producer?: ProposedProducer };

/** Commands that a verdict names at most, and characters of each. */
const MAX_PARTS = 50;
const MAX_TEXT = 500;

/** Whose proposal is judged and where. */
export interface Proposer {
  readonly tool: string;
  readonly root: string;
  /** `model`, or a client's name. */
  readonly by: string;
  /** What only looks needs no rule. */
  readonly readOnly: boolean;
  /** Where that would run. */
  readonly look: LookPlace;
}

/** What rules are matched against for a proposal (SPEC {#verdict}): of a move both places, each of which has to be allowed. */
export function caseOf(proposal: Proposal, input: Readonly<Record<string, unknown>>, { tool, root, by, readOnly, look }: Proposer): Case {
  const { producer, subject } = proposal;
  const change = proposal.change?.change;
  const about = (...subjects: string[]): Case => ({ kind: 'subject', tool, subjects, root: resolve(root) });
  if (change?.op === 'move') return about(`file://${change.path}`, `file://${change.to}`);
  if (subject !== undefined) return about(subject);
  if (!producer || producer.spec.command === '') return about(subjectOf(input));
  const { backend, spec } = producer;
  const here = backend === 'process' || backend === 'pty';
  const names = Object.keys(spec.env);
  const doubts = [
    ...(here ? [] : [`it runs in another place (${backend}), which rules do not know`]),
    ...(spec.shell === 'login' ? ['a login shell first reads files that can change what it does'] : []),
    ...(names.length > 0 ? [`it is given variables (${names.slice(0, 10).join(', ')}), which can change what it does`] : []),
  ];
  const looks = readOnly && isShellTool(tool) && by === 'model' && here && spec.tty === undefined && !spec.stdin;
  const what = { command: spec.command, ...(spec.argv ? { argv: spec.argv } : {}) };
  return { kind: 'shell', tool, ...what, root: resolve(root), cwd: resolve(root, spec.cwd), doubts, looks, ...look };
}

/** The path or the address that an input names. */
function subjectOf(input: Readonly<Record<string, unknown>>): string {
  const { path, url } = input;
  if (typeof path === 'string') return /^[a-z][a-z0-9]*:\/\//.test(path) ? path : `file://${path}`;
  return typeof url === 'string' ? url : '';
}

/** What a log entry keeps of a verdict (SPEC {#policy_audit}). */
export function verdictAttributes(
  judgement: Judgement,
  decision: Judgement['decision'],
  by: Judgement['by'] | 'yolo' | 'plugin',
): Entry['attributes'] {
  const { rule, reason, commands } = judgement;
  return {
    verdict: {
      decision,
      by,
      ...(by !== 'rule' || rule === undefined ? {} : { rule }),
      reason: by === 'plugin' ? 'a plugin decided' : reason,
      commands: commands.slice(0, MAX_PARTS).map((part) => ({ ...part, text: part.text.slice(0, MAX_TEXT) })),
      ...(commands.length > MAX_PARTS ? { more: commands.length - MAX_PARTS } : {}),
    },
  };
}

/** What a waiting proposal says of the rules that an answer with `remember` writes (SPEC {#policy_remember}). */
export function rememberAttributes({ remember, forbid }: Judgement): Entry['attributes'] {
  return { ...(remember.length > 0 ? { remember } : {}), ...defined({ remember_reject: forbid }) };
}
