import type { Danger } from './dangers.ts';

/** Options by which npm runs something else, takes it from another folder, or reads a configuration that does so. */
const NPM = ['script-shell', 'node-options', 'shell', 'editor', 'viewer', 'git', 'prefix', 'userconfig', 'globalconfig', 'call'];
/** Options by which what a script runs (a runner of tests, a linter, node) loads code, or writes where it is told. */
const LOADS =
  /^--?(require|import|(experimental-)?loader|eval|print|config|global-?setup|setup-?files(-?after-?env)?|(test-?)?environment|env|(test-?)?runner|transform|resolver|reporters?|plugins?|parser|preset|rulesdir|resolve-plugins-relative-to|exec|root(-?dir)?|cwd|dir|output(-?file)?)(=|$)/i;

/** Options of `npm test` and the like that run or load something else than the command names. */
export const PACKAGE_MANAGERS: Readonly<Record<string, Danger>> = {
  npm: { short: 'Ccerp', loose: NPM, word: LOADS },
  npx: { short: 'Cc', loose: NPM },
  pnpm: {
    short: 'Ccerp',
    loose: [...NPM, 'dir', 'pnpmfile', 'global-pnpmfile', 'use-node-version', 'modules-dir'],
    word: new RegExp(`${LOADS.source}|^--?config[.]`, 'i'),
  },
  yarn: { short: 'Ccerp', loose: [...NPM, 'cwd', 'use-yarnrc', 'modules-folder'], word: LOADS },
  cargo: { short: 'CZ', long: ['config', 'manifest-path', 'fix', 'target-dir', 'out-dir', 'artifact-dir'] },
  go: {
    word: /^--?(exec|toolexec|vettool|modfile|overlay|(ld|gc|asm|gccgo)flags|compiler|pkgdir|C|o|outputdir|\w*profile|trace|test[.]\w+)(=|$)/,
  },
};
