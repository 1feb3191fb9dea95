/** Tokens of known shapes, made up here; none of them is anybody's. Put together at run time, so that no scanner of repositories takes them for real. */
export const TOKENS: readonly { readonly name: string; readonly public: string; readonly secret: string }[] = [
  { name: 'GitHub', public: 'ghp_', secret: 'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5' },
  { name: 'GitHub fine-grained', public: 'github_pat_', secret: '11ABCDEFG0aBcDeFgHiJkL_0123456789abcdefABCDEF' },
  { name: 'OpenAI', public: 'sk-', secret: 'aB3dE5gH7jK9mN1pQ3sTT3BlbkFJaB3dE5gH7jK9mN1pQ3sT' },
  { name: 'OpenAI project', public: 'sk-proj-', secret: 'aB3dE5gH-7jK9mN1pQ3sT_5vW7yZ9' },
  { name: 'Anthropic', public: 'sk-ant-', secret: 'api03-aB3dE5gH7jK9mN1pQ3sT-5vW7yZ9_AA' },
  { name: 'AWS id', public: 'AKIA', secret: 'IOSFODNN7QWERTYU' },
  { name: 'AWS secret', public: 'aws_secret_access_key = ', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYQWERTYUIOP' },
  { name: 'Google', public: 'AIza', secret: 'SyA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tU1v' },
  { name: 'Slack', public: 'xoxb-', secret: '123456789012-aBcDeFgHiJkL' },
  { name: 'Stripe', public: 'sk_live_', secret: '4eC39HqLyjWDarjtT1zdp7dc' },
  { name: 'npm', public: 'npm_', secret: 'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5' },
  { name: 'PyPI', public: 'pypi-AgE', secret: 'IcHlwaS5vcmcCJDEyMzQ1Njc4LTEyMzQtMTIzNC0xMjM0' },
  { name: 'JWT', public: 'eyJ', secret: 'hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P' },
  { name: 'Bearer', public: 'Authorization: Bearer ', secret: '0a1b2c3d4e5f60718293a4b5c6d7e8f9' },
  { name: 'Basic', public: 'Authorization: Basic ', secret: 'dXNlcjpodW50ZXIy' },
  { name: 'password in a URL', public: 'postgres://admin:', secret: 'hunter2!' },
  { name: 'assignment', public: 'DB_PASSWORD=', secret: 'correct-horse' },
  { name: 'quoted assignment', public: "export API_KEY='", secret: '0123456789abcdef' },
];

/** What comes right behind a token in the tests. */
export function after(token: { readonly name: string }): string {
  return token.name === 'password in a URL' ? '@db/x\n' : token.name === 'quoted assignment' ? "'\n" : '\n';
}

/** A private key in the form of OpenSSL, `lines` long. */
export function privateKey(lines = 20): string {
  const body = Array.from(
    { length: lines },
    (_, i) => `MIIEvQIBADANBgkqhkiG9w0BAQEFAASC${String(i).padStart(4, '0')}KcwggSjAgEAAoIBAQC7VJTUt9Us`,
  );
  return `-----BEGIN ${'PRIVATE'} KEY-----\n${body.join('\n')}\n-----END ${'PRIVATE'} KEY-----\n`;
}

export const stars = (text: string): string => text.replaceAll(/[^\n\r]/g, '*');
