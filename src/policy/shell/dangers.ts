import type { Word } from './command.ts';
import { gitDanger } from './git-dangers.ts';
import { awkDanger, sedDanger } from './little-languages.ts';
import { hasShort, isLong, isSafeGlob } from './options.ts';

/** Options by which npm runs something else, takes it from another folder, or reads a configuration that does so. */
const NPM = ['script-shell', 'node-options', 'shell', 'editor', 'viewer', 'git', 'prefix', 'userconfig', 'globalconfig', 'call'];
/** Options by which what a script runs (a runner of tests, a linter, node) loads code, or writes where it is told. */
const LOADS =
  /^--?(require|import|(experimental-)?loader|eval|print|config|global-?setup|setup-?files(-?after-?env)?|(test-?)?environment|env|(test-?)?runner|transform|resolver|reporters?|plugins?|parser|preset|rulesdir|resolve-plugins-relative-to|exec|root(-?dir)?|cwd|dir|output(-?file)?)(=|$)/i;

/** Options by which a program runs another one, or a command of its own. */
export interface Danger {
  readonly short?: string;
  readonly long?: readonly string[];
  /** Long options that may have one dash only, and underscores. */
  readonly loose?: readonly string[];
  readonly word?: RegExp;
}

/** Options of `npm test` and the like that run or load something else than the command names. */
const PACKAGE_MANAGERS: Readonly<Record<string, Danger>> = {
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

/** make is given another file, another folder, a text, or a variable, which may be the name of a program. */
const MAKE: Danger = {
  short: 'fCIE',
  long: ['eval', 'file', 'makefile', 'directory', 'include-dir'],
  word: /^[^=]*[!:?+]=|\$[({]|`|^[^-][^=]*=(?!(?:\d+|yes|no|true|false|on|off|debug|release)?$)/i,
};
/** Options by which compilers and linkers run or load something else, or read more options from a file. */
const COMPILER: Danger = {
  word: /^(-wrapper|-?-specs|-B|@|-Xlinker|-Xassembler|-Xpreprocessor|-Xclang|-W[lpa],|-fuse-ld|-f?plugin|-fpass-plugin|-load|-iplugindir|--?(ld-)?path|--config|--plugin|--no-system-header|-dynamic-linker)/,
};
const COMPILERS = /^([\w.]+-)*(gcc|g\+\+|cc|c\+\+|cpp|clang|clang\+\+|clang-cpp|tcc|c89|c99|gfortran|gccgo|gdc|ld|ld\.\w+)(-\d[\d.]*)?$/;
/** test is given the name of a variable, which bash computes. */
const TEST: Danger = { word: /^-[vR]$/ };

const OPTIONS: Readonly<Record<string, Danger>> = {
  tar: {
    short: 'IF',
    long: ['checkpoint-action', 'to-command', 'use-compress-program', 'info-script', 'new-volume-script', 'rsh-command', 'rmt-command'],
  },
  bsdtar: { long: ['use-compress-program'] },
  rsync: { short: 'e', long: ['rsh', 'rsync-path'] },
  ssh: { short: 'oFEI', word: /[;&|`$()<>\n]/ },
  scp: { short: 'oFSD' },
  sftp: { short: 'oFSDb' },
  make: MAKE,
  gmake: MAKE,
  ...PACKAGE_MANAGERS,
  zip: { short: 'T', long: ['unzip-command', 'test'] },
  unzip: {},
  sort: { short: 'oT', long: ['compress-program', 'output', 'files0-from', 'temporary-directory'] },
  split: { long: ['filter'] },
  curl: { short: 'K', long: ['config'] },
  wget: { short: 'e', long: ['execute', 'use-askpass', 'config'] },
  rg: { long: ['pre', 'hostname-bin'], short: 'z' },
  fd: { short: 'xX', long: ['exec', 'exec-batch'] },
  man: { short: 'PHTXZC', long: ['pager', 'html', 'browser', 'config-file', 'preprocessor', 'gxditview', 'ditroff'] },
  less: { word: /^[-+]/ },
  more: { word: /^[-+]/ },
  vim: { word: /^[-+]/ },
  vi: { word: /^[-+]/ },
  nvim: { word: /^[-+]/ },
  emacs: { word: /^[-+]/ },
  psql: { short: 'cfv', long: ['command', 'file'], word: /\\/ },
  mysql: { short: 'e', long: ['execute', 'pager'], word: /\\/ },
  nc: { short: 'ec' },
  ncat: { short: 'ec', long: ['exec', 'sh-exec', 'lua-exec'] },
  docker: { word: /^--(init-path|entrypoint)/ },
  test: TEST,
  '[': TEST,
  // bash puts a number into the variable that %n is about.
  printf: { short: 'v', word: /%[-+ #0-9.*'hlqjztL]*n/ },
};

/** Programs whose very purpose is to run others, or whatever they are given. */
const RUNNERS = new Set(
  `su runuser pkexec chroot unshare nsenter flock script strace ltrace gdb lldb parallel entr watch at batch crontab systemd-run
  dbus-run-session screen tmux socat fakeroot xvfb-run setpriv capsh start-stop-daemon run-parts expect ed ex sqlite3 m4 bc dc
  setarch linux32 linux64 rlwrap unbuffer proot firejail bwrap git-shell perf valgrind ssh-agent dash.static`
    .split(/\s+/)
    .filter(Boolean),
);

/** Interpreters, and their options that are followed by code or load some. */
const INTERPRETERS =
  /^(python[\d.]*|pypy\d*|perl[\d.]*|ruby[\d.]*|node|nodejs|deno|bun|tsx|ts-node|php[\d.]*|lua[\d.]*|luajit|tclsh[\d.]*|wish|guile|Rscript|R|julia|osascript|scala|groovy|jshell|ghci|irb|iex|elixir|erl)$/;
const CODE = /^-[A-Za-z]*[cepErinRIM]|^--?(eval|print|require|import|loader|experimental-loader|execute|expression|run|interactive)\b|^-$/;

/**
 * Why a rule with wildcards must not allow this command, though it takes in its text: it would run something that the rule does not
 * name (SPEC {#policy_shell}). Undefined when nothing speaks against it.
 */
export function dangerOf(name: string, words: readonly Word[]): string | undefined {
  const args = words.slice(1);
  if (RUNNERS.has(name)) return `${name} runs what it is given`;
  if (INTERPRETERS.test(name)) return interpreterDanger(name, args);
  if (name === 'sed' || name === 'gsed') return sedDanger(args) ?? unknownWord(name, args);
  if (/^[gmn]?awk$/.test(name)) return awkDanger(args);
  if (name === 'git') return unknownWord(name, args) ?? gitDanger(args);
  const options = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : COMPILERS.test(name) ? COMPILER : undefined;
  if (!options) return undefined;
  const old = name === 'tar' && args[0]?.literal && /^[A-Za-z]+$/.test(args[0].text) ? [`-${args[0].text}`] : [];
  for (const text of [...old, ...args.filter(({ literal }) => literal).map((word) => word.text)]) {
    const loose = options.loose !== undefined && isLong(text.replace(/^-+/, '--').replaceAll('_', '-'), options.loose, 3);
    if (loose || hasShort(text, options.short ?? '') || isLong(text, options.long ?? []) || options.word?.test(text)) {
      return `${text.slice(0, 60)} can make ${name} run or write something else`;
    }
  }
  return name === '[' || name === 'test' ? unknownOperator(name, args) : unknownWord(name, args);
}

/** Operators of a test between two words. */
const BETWEEN = /^(=|==|!=|-(eq|ne|lt|le|gt|ge|nt|ot|ef))$/;

/** A word of a test that may turn out to be an operator; not one that is compared with another, or stands behind an operator that is known. */
function unknownOperator(name: string, args: readonly Word[]): string | undefined {
  const words = name === '[' && args.at(-1)?.text === ']' ? args.slice(0, -1) : args;
  const [first, second, ...more] = words[0]?.literal && words[0].text === '!' ? words.slice(1) : words;
  const alone = first !== undefined && second === undefined;
  const behind = first?.literal === true && second !== undefined && more.length === 0;
  const between = second?.literal === true && BETWEEN.test(second.text) && more.length === 1;
  if ((alone || behind || between) && words.every((word) => word.literal || word.one === true)) return undefined;
  return unknownWord(name, words);
}

/** A word that may turn out to be such an option. */
export function unknownWord(name: string, args: readonly Word[]): string | undefined {
  const unknown = args.find((word) => !word.literal && !isSafeGlob(word) && !/^\$[?#]$/.test(word.text));
  return unknown && `what ${unknown.text.slice(0, 60)} gives may make ${name} run or write something else`;
}

function interpreterDanger(name: string, args: readonly Word[]): string | undefined {
  const [first] = args;
  if (!first) return `${name} runs what it reads`;
  for (const word of args) {
    if (!word.literal) return `what ${word.text.slice(0, 60)} gives may be code for ${name}`;
    if (!word.text.startsWith('-')) return undefined;
    if (/^(-V|-v|--version|--help|-h)$/.test(word.text)) continue;
    if (CODE.test(word.text)) return `${word.text.slice(0, 60)} gives ${name} code to run`;
    // The module's name and what follows is its own.
    if (word.text === '-m' && name.startsWith('py')) return undefined;
  }
  return undefined;
}
