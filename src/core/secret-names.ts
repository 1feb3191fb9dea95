/** Names of variables that stand for secrets (SPEC {#environment}, {#redaction_env}). */
const SECRET = /(_|^)(TOKEN|KEY|PASS|PASSPHRASE|CREDENTIALS?|AUTH)$|SECRET|PASSWORD|PASSWD|APIKEY|_DSN$/i;

/** True for the name of a variable whose value is likely a secret. */
export function isSecretName(name: string): boolean {
  return SECRET.test(name);
}

/** A test over names of variables, `*` in the pattern standing for any characters. */
export function nameMatcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[^A-Za-z0-9_]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`);
  return (name) => expression.test(name);
}
