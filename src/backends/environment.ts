import { isSecretName, nameMatcher } from '../core/secret-names.ts';

/** Which variables of this process its commands inherit (SPEC {#environment}). */
export interface EnvironmentRules {
  /** Names, `*` standing for any characters. Left out: all, and in a sandbox `SANDBOX_ALLOW`. */
  readonly allow?: readonly string[] | undefined;
  /** Secrets of Headgate itself: not inherited, whatever is allowed. */
  readonly withheld: readonly string[];
}

/** What a command in a sandbox inherits where the configuration names nothing (SPEC {#environment}). */
export const SANDBOX_ALLOW: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'LC_*',
  'TZ',
  'TERM',
  'COLORTERM',
  'NO_COLOR',
  'FORCE_COLOR',
  'EDITOR',
  'VISUAL',
  'PAGER',
  'CI',
];

/** The variables that a command inherits, with their values. */
export function inherited(
  variables: Readonly<Record<string, string | undefined>>,
  rules: EnvironmentRules,
  inSandbox: boolean,
): Record<string, string> {
  const allow = rules.allow ?? (inSandbox ? SANDBOX_ALLOW : undefined);
  const patterns = allow?.filter((name) => name.includes('*')).map(nameMatcher);
  const lets = (name: string): boolean => {
    if (rules.withheld.includes(name)) return false;
    if (!allow || allow.includes(name)) return true;
    // A pattern lets no secret into a sandbox, only its very name does.
    return !(inSandbox && isSecretName(name)) && patterns?.some((matches) => matches(name)) === true;
  };
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) if (value !== undefined && lets(name)) kept[name] = value;
  return kept;
}
