import { resolveLinks } from '../core/real-path.ts';
import { pathWithoutProject } from '../core/search-path.ts';
import { isSecretName, nameMatcher } from '../core/secret-names.ts';
import { SYSTEM_PATH } from '../core/system-path.ts';
import { PRIVATE } from './sandbox/hidden-places.ts';

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

/** Settings by which git runs no other program and looks into no repository further down, whatever the settings of one say. */
const GIT_SETTINGS: readonly (readonly [string, string])[] = [
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['core.pager', 'cat'],
  ['diff.ignoreSubmodules', 'dirty'],
  ['diff.submodule', 'short'],
  ['status.submoduleSummary', 'false'],
  ['submodule.recurse', 'false'],
  ['log.showSignature', 'false'],
];

/** The variables of a command that only looks, so that it runs no program of the project at `root` (SPEC {#looks_place}). */
export function lookingVariables(variables: Readonly<Record<string, string>>, root: string): Record<string, string> {
  const own = Object.entries(variables).filter(([name]) => !name.startsWith('GIT_'));
  const settings = GIT_SETTINGS.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return {
    ...Object.fromEntries(own),
    PATH:
      pathWithoutProject(variables['PATH'] ?? '', root)
        .map(outOfPrivate)
        .join(':') || SYSTEM_PATH,
    GIT_CONFIG_COUNT: String(GIT_SETTINGS.length),
    ...Object.fromEntries(settings),
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_PAGER: 'cat',
  };
}

/** A folder of PATH where it is found in a sandbox too, which has empty folders of its own in some places. */
function outOfPrivate(folder: string): string {
  return PRIVATE.some((place) => folder.startsWith(`${place}/`)) ? resolveLinks(folder) : folder;
}
