/** The rules that an answer with `remember` writes, as the proposal shows them (SPEC {#policy_remember}). */
export interface RulesToRemember {
  readonly accept: readonly string[];
  readonly reject: readonly string[];
}

export function rulesToRemember(attributes: Readonly<Record<string, unknown>>): RulesToRemember {
  const { remember, remember_reject: forbid } = attributes;
  const accept = Array.isArray(remember) ? remember.filter((rule) => typeof rule === 'string') : [];
  return { accept, reject: typeof forbid === 'string' ? [forbid] : [] };
}
