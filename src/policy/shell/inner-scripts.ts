import { defined } from '../../core/defined.ts';
import type { Word } from './command.ts';

/** Shells whose scripts are read as /bin/sh reads them. */
const POSIX_SHELLS = new Set(['sh', 'dash', 'bash', 'ash', 'rbash']);
/** Shells with a grammar of their own. */
const OTHER_SHELLS = new Set(['zsh', 'ksh', 'mksh', 'ksh93', 'yash', 'fish', 'csh', 'tcsh', 'elvish', 'nu', 'pwsh']);

/** What a call of a shell runs. */
export type ShellCall =
  | { readonly kind: 'code'; readonly code: Word; readonly exact?: string }
  | { readonly kind: 'stdin' }
  | { readonly kind: 'file' }
  | { readonly kind: 'unknown' };

/** Reads the call of a shell; undefined for another program. */
export function shellCall(name: string, words: readonly Word[]): ShellCall | undefined {
  const other = OTHER_SHELLS.has(name);
  if (!other && !POSIX_SHELLS.has(name)) return undefined;
  let code = false;
  let strange = other ? `the grammar of ${name} is another one` : undefined;
  let at = 1;
  for (; at < words.length; at++) {
    const word = words[at];
    if (!word) break;
    if (!word.literal) return { kind: 'unknown' };
    const { text } = word;
    if (text === '--' || text === '-') {
      at += 1;
      break;
    }
    if (/^--(posix|norc|noprofile|login)$/.test(text)) continue;
    if (text.startsWith('--')) return { kind: 'unknown' };
    if (!/^[-+]./.test(text)) break;
    if (!/^[-+][abceflmnuvxoE]+$/.test(text)) strange ??= `the option ${text}`;
    if (/^-.*s/.test(text)) return { kind: 'stdin' };
    if (text.includes('c')) code = true;
    if (!/[oO]/.test(text)) continue;
    at += 1;
    if (words[at]?.literal !== true) return { kind: 'unknown' };
  }
  const first = words[at];
  if (code) return first ? { kind: 'code', code: first, ...defined({ exact: strange }) } : { kind: 'unknown' };
  if (!first) return { kind: 'stdin' };
  return strange === undefined ? { kind: 'file' } : { kind: 'unknown' };
}
