// Writes what is generated: from the method table and the error catalogue docs/openrpc.json, docs/errors.md and the
// marked blocks of the specification; from its clauses and the tests' titles its index and lists of tests; from the types of src/hooks those of PLUGINS.md; from the .wat files of src their WebAssembly, from its shell programs their texts; from the commands man/headgate.1. `node scripts/docs.mjs` writes, `--check` exits 1 and names every file that is stale.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';
import { provenIn } from './lib/clauses.mjs';
import { filesUnder } from './lib/files-under.mjs';
import { manPage } from './lib/man-page.mjs';
import { pluginBlocks } from './lib/plugin-docs.mjs';
import { shellModules } from './lib/shell-programs.mjs';
import { clauseIndex, testList } from './lib/spec-index.mjs';
import { readSpec } from './lib/spec-pages.mjs';

const root = new URL('../', import.meta.url);
const at = (path) => fileURLToPath(new URL(path, root));

/** @param {string} path */
async function built(path) {
  try {
    return await import(new URL(`dist/src/${path}`, root).href);
  } catch (error) {
    console.error(`docs: dist/src/${path} does not load; run npm run build first (${error.message})`);
    process.exit(1);
  }
}

const { openrpcDocument } = await built('rpc/protocol/openrpc.js');
const { errorsDocument, errorTable, groupNames, methodTable, notificationTable } = await built('rpc/protocol/markdown.js');
const { ttyTables } = await built('rpc/protocol/tty-markdown.js');
const { HOOKS } = await built('hooks/table.js');
const { commandTree } = await built('cli/program.js');
const { EXIT_CODE_HELP } = await built('cli/exit-codes.js');
const { version } = JSON.parse(await readFile(at('package.json'), 'utf8'));

const spec = readSpec(fileURLToPath(root));
const proven = provenIn(filesUnder(fileURLToPath(root), 'test', /\.ts$/));

const blocks = new Map([
  ['clauses', clauseIndex(spec)],
  ...groupNames.map((group) => [`methods:${group}`, methodTable(group)]),
  ['notifications', notificationTable()],
  ['errors', errorTable()],
  ...pluginBlocks(fileURLToPath(root), HOOKS),
  ...Object.entries(ttyTables).map(([name, table]) => [`tty:${name}`, table()]),
]);

/** Replaces what stands between `<!-- generated:NAME -->` and `<!-- /generated -->`; a name that is unknown is an error. The block `tests` is the page's own. */
function fill(text, file) {
  return text.replace(/(<!-- generated:([a-z:]+) -->\n)[\s\S]*?(<!-- \/generated -->)/g, (_, open, name, close) => {
    const block = name === 'tests' ? testList({ name: file, text }, proven) : blocks.get(name);
    if (block === undefined) {
      console.error(`docs: ${file} asks for a generated block "${name}"; there are: ${[...blocks.keys()].join(', ')}`);
      process.exit(1);
    }
    return `${open}${block}\n${close}`;
  });
}

/** The module's bytes as base64 in a source file, so that it loads wherever scripts do. */
async function webAssembly(path, name) {
  const module = (await wabt()).parseWat(path, await readFile(at(path), 'utf8'), { simd: true });
  const { buffer } = module.toBinary({});
  const lines = Buffer.from(buffer)
    .toString('base64')
    .match(/.{1,120}/g);
  return `// Made from ${path} by npm run docs.\n/** WebAssembly module, base64. */\nexport const ${name} =\n${lines.map((line) => `  '${line}'`).join(' +\n')};\n`;
}

/** The commands, without anything behind them; what they print goes to `out`. */
function tree(out) {
  const console = { version, env: {}, out: { write: out }, err: { write: out } };
  return commandTree({ console, host: {}, choose: () => {}, wrong: out });
}

const read = (path) => readFile(at(path), 'utf8').catch(() => undefined);
const plugins = await read('PLUGINS.md');
const wanted = new Map([
  ['docs/openrpc.json', `${JSON.stringify(openrpcDocument(version), null, 2)}\n`],
  ['docs/errors.md', errorsDocument()],
  ['man/headgate.1', manPage({ tree, exitCodes: EXIT_CODE_HELP, version })],
  ['src/core/bytes-wasm.ts', await webAssembly('src/core/bytes.wat', 'BYTES_WASM')],
  ['src/redact/candidates-wasm.ts', await webAssembly('src/redact/candidates.wat', 'CANDIDATES_WASM')],
  ...shellModules(fileURLToPath(root)),
  ...spec.map(({ name, text }) => [name, fill(text, name)]),
  ...(plugins === undefined ? [] : [['PLUGINS.md', fill(plugins, 'PLUGINS.md')]]),
]);

const check = process.argv.includes('--check');
const stale = [];
for (const [path, text] of wanted) {
  if ((await read(path)) === text) continue;
  stale.push(path);
  if (check) continue;
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), text);
  console.log(`wrote ${path}`);
}
if (check && stale.length > 0) {
  console.error(`docs: stale: ${stale.join(', ')}; run npm run docs`);
  process.exit(1);
}
