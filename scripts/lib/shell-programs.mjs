import { execFile } from 'node:child_process';
import { posix } from 'node:path';
import { filesUnder } from './files-under.mjs';

const PROGRAM = /\.(sh|bash|zsh)$/;
/** `. ./library.sh`: the text of that file. */
const INCLUDE = /^ *\. (\.\S+)$/;
/** `"$(cat ./kill.sh)"`: the text of that file as one quoted word. */
const QUOTED = /"\$\(cat (\.\S+)\)"/g;

/**
 * The source files that shell programs of src become, path to text: `a/kill.sh` is `KILL_SH` in `a/kill-sh.ts`, so that it loads wherever
 * scripts do. A program includes another with `. ./other.sh`, or has the text of another with `"$(cat ./other.sh)"`: both are put in here.
 * Of whole-line comments only the first one of a file stays, which says what it is; programs are sent to other hosts.
 *
 * @param {string} root
 * @returns {[string, string][]}
 */
export function shellModules(root) {
  return filesUnder(root, 'src', PROGRAM).map(({ name, text }) => [modulePath(name), moduleText(name, text)]);
}

/**
 * What shellcheck says of the shell programs of src, those of sh in the dialects of dash and busybox; zsh it does not know. Before 0.10 it does not
 * know busybox either: then busybox itself reads them.
 */
export async function shellIssues(root) {
  const { stdout: help, error } = await run(root, 'shellcheck', ['--help']);
  if (error?.code === 'ENOENT') return ['shellcheck is not installed; install it (Debian: apt-get install shellcheck)'];
  const named = (ending) => filesUnder(root, 'src', new RegExp(`\\.${ending}$`)).map(({ name }) => name);
  const check = (dialect, files) => run(root, 'shellcheck', [`--shell=${dialect}`, '--format=gcc', ...files]);
  const busybox = help.includes('busybox')
    ? [check('busybox', named('sh'))]
    : named('sh').map((file) => run(root, 'busybox', ['ash', '-n', file]));
  const results = await Promise.all([check('dash', named('sh')), check('bash', named('bash')), ...busybox]);
  if (results.some(({ error }) => error?.code === 'ENOENT')) {
    return ['neither shellcheck 0.10 nor busybox is installed; install one of them (Debian: apt-get install busybox-static)'];
  }
  return results.flatMap(({ error, stdout, stderr }) => (error ? [`${stdout}${stderr}` || String(error)] : []));
}

function run(cwd, program, args) {
  return new Promise((resolve) => {
    execFile(program, args, { cwd }, (error, stdout, stderr) => resolve({ error, stdout, stderr }));
  });
}

function moduleText(path, text) {
  const imports = new Map();
  const use = (file) => {
    const other = posix.join(posix.dirname(path), file);
    imports.set(fromFolderOf(path, modulePath(other)), constant(other));
    return constant(other);
  };
  const quoted = (_, file) => {
    imports.set(fromFolderOf(path, 'src/core/shell-quote.ts'), 'shellQuote');
    return `\${shellQuote(${use(file)})}`;
  };
  const [title = '', ...rest] = text.split('\n').filter((line) => !/^#!/.test(line));
  const code = rest.filter((line) => line.trim() !== '' && !/^ *#/.test(line));
  const body = [title, ...code].map((line) => {
    const [, included] = INCLUDE.exec(line) ?? [];
    if (included !== undefined) return `\${${use(included)}}`;
    return `${line.replace(/[\\`]|\$\{/g, '\\$&').replace(QUOTED, quoted)}\\n`;
  });
  const named = [...imports].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([from, name]) => `import { ${name} } from '${from}';\n`);
  return `// Made from ${path} by npm run docs.\n${named.join('')}${named.length === 0 ? '' : '\n'}/** ${title.replace(/^# ?/, '')} */\nexport const ${constant(path)} = \`${body.join('')}\`;\n`;
}

/** `src/a/kill.sh`: `src/a/kill-sh.ts`. */
function modulePath(path) {
  return `${path.replace(/\.(\w+)$/, '-$1')}.ts`;
}

function constant(path) {
  return posix.basename(path).replace(/[-.]/g, '_').toUpperCase();
}

function fromFolderOf(path, other) {
  const found = posix.relative(posix.dirname(path), other);
  return found.startsWith('.') ? found : `./${found}`;
}
