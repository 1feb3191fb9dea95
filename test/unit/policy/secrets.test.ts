import { describe, expect, it } from 'vitest';
import { looksSecret } from '../../../src/policy/looks/secrets.ts';

describe('{#policy_defaults} a path that looks like a secret', () => {
  it.each([
    '.envrc',
    'sub/.envrc.local',
    '.my.cnf',
    '.mylogin.cnf',
    'client_secret.json',
    'client_secret_123.apps.googleusercontent.com.json',
    'server.pem.bak',
    'server.key.old',
    'id.p12~',
    'server.pem.1',
    '.env.production',
  ])('%s', (path) => expect(looksSecret(path)).toBe(true));

  it.each(['src/environment.ts', '.env.example', 'my.cnf.md', 'client.json', 'keys.ts', 'pem.md', 'token-list.ts', 'backup.bak'])(
    'and not %s',
    (path) => expect(looksSecret(path)).toBe(false),
  );
});
