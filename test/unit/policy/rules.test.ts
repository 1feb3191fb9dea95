import { describe, expect, it } from 'vitest';
import { type Decision, judge, readRule, splitRule } from '../../../src/policy/index.ts';

const read = (texts: readonly string[]) =>
  texts.map((text) => {
    const at = text.indexOf(' ');
    return readRule({ decision: text.slice(0, at) as Decision, text: text.slice(at + 1) }, 'config');
  });
const shell = async (rules: string[], command: string, tool = 'sh') =>
  await judge({ kind: 'shell', tool, command, root: '/p', cwd: '/p', doubts: [], looks: false }, read(rules));
const subject = async (rules: string[], tool: string, about: string) =>
  (await judge({ kind: 'subject', tool, subjects: [about], root: '/p' }, read(rules))).decision;

describe('{#policy_rules} which rule decides', () => {
  it.each<[string, string[], string, Decision, string | undefined]>([
    ['nothing matches', ['allow sh(ls)'], 'make', 'ask', undefined],
    ['any deny', ['allow sh(git push origin main)', 'deny sh(git *)'], 'git push origin main', 'deny', 'deny sh(git *)'],
    ['the one that names the tool', ['ask *(git status)', 'allow sh(git *)'], 'git status', 'allow', 'allow sh(git *)'],
    ['the one without wildcards', ['ask sh(git *)', 'allow sh(git status)'], 'git status', 'allow', 'allow sh(git status)'],
    ['the one that says more', ['allow sh(git *)', 'ask sh(git push *)'], 'git push x', 'ask', 'ask sh(git push *)'],
    ['ask between equals', ['allow sh(git *)', 'ask sh(git *)'], 'git x', 'ask', 'ask sh(git *)'],
    ['the tool alone for all of it', ['allow sh'], 'make', 'allow', 'allow sh'],
    ['an escaped star for itself', ['allow sh(echo \\*)'], 'echo x', 'ask', undefined],
    ['a blank and a star also for nothing', ['allow sh(git status *)'], 'git status', 'allow', 'allow sh(git status *)'],
  ])('%s', async (_, rules, command, decision, rule) => {
    expect(await shell(rules, command)).toMatchObject({ decision, ...(rule === undefined ? {} : { rule }) });
  });

  it('of sh that ask or deny hold for env as well, those that allow do not', async () => {
    expect(await shell(['deny sh(rm *)'], 'rm x', 'env')).toMatchObject({ decision: 'deny' });
    expect(await shell(['ask env(ls *)', 'allow sh(ls *)'], 'ls', 'sh')).toMatchObject({ decision: 'ask' });
    expect(await shell(['allow sh(make *)'], 'make', 'env')).toMatchObject({ decision: 'ask' });
  });

  it('denies a line as a whole, also one that cannot be read', async () => {
    expect(await shell(['deny sh(echo "$x" && ( \\*)'], ' echo "$x" && ( * ')).toMatchObject({ decision: 'deny' });
  });

  it.each<[Decision, string, string]>([
    ['allow', 'file://src/**', 'file://src/a/b.ts'],
    ['ask', 'file://src/*', 'file://src/a/b.ts'],
    ['ask', 'file://src/**', 'file://src/../x'],
    ['ask', 'file://src/**', 'file:///etc/passwd'],
    ['ask', 'file://**', 'file://src/.env'],
    ['allow', 'file://src/.env', 'file://src/.env'],
    ['allow', 'file://src/**', 'file://src/./a.ts'],
    ['ask', '*', 'file://../x'],
    ['allow', 'https://docs.example.org/*', 'https://docs.example.org/a?b=c'],
    ['allow', 'https://docs.example.org', 'https://docs.example.org/'],
    ['allow', 'https://docs.example.org/*', 'https://DOCS.example.org:443/a'],
    ['allow', 'https://*.example.org/*', 'https://a.example.org/x'],
    ['ask', 'https://*.example.org/*', 'https://example.org.evil.com/x'],
    ['ask', 'https://docs.example.org/*', 'https://docs.example.org@evil.com/a'],
    ['ask', 'https://docs.example.org/*', 'https://docs.example.org.evil.com/a'],
    ['ask', 'https://docs.example.org/*', 'https://me:pw@docs.example.org/a'],
    ['ask', 'https://docs.example.org/*', 'https://docs.example.org./a'],
    ['ask', 'https://docs.example.org/*', 'https://docs.example.org:8443/a'],
    ['allow', 'https://docs.example.org:*/*', 'https://docs.example.org:8443/a'],
    ['ask', 'https://docs.example.org/*', 'http://docs.example.org/a'],
    ['ask', 'https://docs.example.org/a/*', 'https://docs.example.org/a/%2e%2e/b'],
    ['ask', 'https://docs.example.org/*', 'https:\\\\evil.com\\docs.example.org/'],
    ['ask', 'https://docs.example.org/*', 'https://docs.exаmple.org/a'],
    ['ask', '*', 'https://me@evil.com/'],
    ['ask', 'https://docs.example.org/*', 'no address'],
  ])('%s by fetch(%s): %s', async (decision, pattern, about) => {
    expect(await subject([`allow fetch(${pattern})`], 'fetch', about)).toBe(decision);
  });

  it('denies a host with whatever is around it', async () => {
    for (const about of ['https://me:pw@evil.com/x', 'https://evil.com./x', 'https://evil.com:8443/x'])
      expect(await subject(['deny fetch(https://evil.com/*)'], 'fetch', about)).toBe('deny');
    expect(await subject(['deny set(file://**/.env)'], 'set', 'file://a/.env')).toBe('deny');
  });

  it.each(['', 'sh(', 'sh()', '(x)', 'sh(x) ', 'sh(\u0007)', `sh(${'x'.repeat(5000)})`])('no rule: %j', (text) => {
    expect(() => splitRule({ decision: 'allow', text })).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
  });

  it('matches in time that patterns cannot blow up', async () => {
    const rules = [`allow sh(${'*a'.repeat(1000)}b)`, `deny sh(${'*a'.repeat(1000)}c)`];
    expect(await shell(rules, `x ${'a'.repeat(20_000)}`)).toMatchObject({ decision: 'ask' });
  });
});

describe('{#policy_remember} the rules that an answer may write', () => {
  it.each<[string, string[]]>([
    ['make all', ['sh(make all)']],
    ['npm test -- --watch', ['sh(npm test -- --watch)']],
    ['npm test', ['sh(npm test)']],
    ['git log -p src', ['sh(git log -p src)']],
    ['ls -l src', ['sh(ls *)']],
    ['cd src && make', []],
    ['npm run build && git push origin main', ['sh(npm run build)', 'sh(git push origin main)']],
    ['yarn run tsx x.ts', ['sh(yarn run tsx x.ts)']],
    ['npm test --prefix /tmp', []],
    ['git diff --no-index a /etc/hosts', []],
    ['cat *.ts', ['sh(cat \\*.ts)']],
    ['timeout 5 make', ['sh(make)']],
    ["sh -c 'make; make all'", ['sh(make)', 'sh(make all)']],
    ['echo "a b" | tee', ['sh(tee)']],
    ['python -c 1', []],
    ['python x.py', ['sh(python x.py)']],
    ['make > out', []],
    ['make $x', []],
    ['$x', []],
    ['eval make', []],
    ['make (', []],
    ['sudo make', ['sh(sudo make)']],
    ['git -c a=b log', []],
    ['X=1 make', ['sh(X=1 make)']],
    ['ls | xargs cat', []],
  ])('%s', async (command, rules) => {
    const judged = await shell([], command);
    expect(judged.decision).toBe('ask');
    if (!command.includes('echo')) expect(judged.remember).toEqual(rules.map((rule) => `${rule} in .`));
    // With them the same command is allowed, and with `; reboot` behind it is not.
    if (rules.length > 0) {
      const texts = judged.remember.map((rule) => `allow ${rule}`);
      expect(await shell(texts, command)).toMatchObject({ decision: 'allow' });
      expect(await shell(texts, `${command}; reboot`)).toMatchObject({ decision: 'ask' });
    }
    expect(await shell([`deny ${judged.forbid ?? ''}`], command)).toMatchObject({ decision: 'deny' });
  });

  it('bind the folder in which they were given', async () => {
    const at = async (cwd: string, rules: string[], command = 'npm test') =>
      await judge({ kind: 'shell', tool: 'sh', command, root: '/p', cwd, doubts: [], looks: false }, read(rules));
    expect((await at('/p/sub', [])).remember).toEqual(['sh(npm test) in sub']);
    expect(await at('/p/sub', ['allow sh(npm test) in sub'])).toMatchObject({ decision: 'allow', rule: 'allow sh(npm test) in sub' });
    expect(await at('/p/sub/evil', ['allow sh(npm test) in sub'])).toMatchObject({ decision: 'ask' });
    expect(await at('/p/sub', ['allow sh(npm test) in .'])).toMatchObject({ decision: 'ask' });
    expect(await at('/p', ['allow sh(npm test) in .', 'allow sh(cd *)'], 'cd sub && npm test')).toMatchObject({ decision: 'ask' });
    expect(await at('/p', ['allow sh(npm test) in .'], 'npm test -- --test-reporter=data:text/javascript,x')).toMatchObject({
      decision: 'ask',
    });
    // One that names no folder holds in each, as it was written.
    expect(await at('/p/sub', ['allow sh(npm test)'])).toMatchObject({ decision: 'allow' });
  });

  it.each(['allow sh(x) in /etc', 'allow sh(x) in ../a', 'allow sh(x) in ', 'deny sh(x) in a', 'ask sh(x) in a', 'allow sh in a'])(
    'are none with a folder that is no folder of the project, or that do not allow: %s',
    (text) => {
      expect(() => read([text])).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    },
  );

  it('is none for what a rule wants asked', async () => {
    expect((await shell(['ask sh(make *)'], 'make')).remember).toEqual([]);
  });
});
