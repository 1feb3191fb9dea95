const { builtinModules } = require('node:module');

/** The layer table of ARCHITECTURE.md: each folder of src and the folders that it may import. A folder may import itself. */
const LAYERS = {
  core: [],
  model: ['core'],
  hooks: ['core', 'model'],
  store: ['core', 'model', 'hooks'],
  stream: ['core', 'model', 'hooks'],
  screen: ['core'],
  backends: ['core', 'model', 'hooks'],
  llm: ['core', 'model', 'hooks'],
  runner: ['core', 'model', 'backends', 'rpc/client', 'rpc/protocol'],
  runtime: ['core', 'model', 'hooks', 'stream'],
  plugins: ['core', 'model', 'hooks'],
  'rpc/protocol': ['core', 'model'],
  'rpc/client': ['core', 'rpc/protocol'],
  'rpc/server': ['core', 'model', 'rpc/protocol', 'runtime', 'stream', 'screen'],
  cli: ['core', 'rpc/client', 'rpc/protocol'],
};

const folder = (name) => `^src/${name}/`;
const composition = '^src/(main|server|server-files|data-doctor|backend-doctor|data-access|runner-process)\\.ts$';

const layers = Object.entries(LAYERS).map(([name, allowed]) => ({
  name: `layer-${name.replace('/', '-')}`,
  severity: 'error',
  comment: `src/${name} may import ${allowed.length === 0 ? 'nothing else of src' : allowed.map((other) => `src/${other}`).join(', ')} (ARCHITECTURE.md).`,
  from: { path: folder(name) },
  to: { path: '^(src|migrations|test|scripts|bench)/', pathNot: [name, ...allowed].map(folder) },
}));

/** The store runs the migrations, so it is the one folder that may import them. */
for (const rule of layers) if (rule.name === 'layer-store') rule.to.pathNot.push('^migrations/');

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'a-folder-for-every-file',
      severity: 'error',
      comment: 'Every file of src is in a folder of the layer table or is part of the composition root.',
      from: { path: '^src/', pathNot: [composition, ...Object.keys(LAYERS).map(folder)] },
      to: {},
    },
    {
      name: 'nobody-imports-the-composition-root',
      severity: 'error',
      from: { path: '^src/', pathNot: composition },
      to: { path: composition },
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: {},
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Types may refer to each other across files; code may not.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'plugins-do-not-import-each-other',
      severity: 'error',
      from: { path: '^src/plugins/([^/]+)/' },
      to: { path: '^src/plugins/[^/]+/', pathNot: '^src/plugins/$1/' },
    },
    {
      name: 'migrations-import-kysely-only',
      severity: 'error',
      comment: 'A migration is frozen; what it imports would not be.',
      from: { path: '^migrations/[0-9]' },
      to: { pathNot: 'node_modules/kysely/' },
    },
    {
      name: 'client-runs-in-a-browser',
      severity: 'error',
      comment: 'Nothing that src/rpc/client reaches may be a module of Node.',
      from: { path: '^src/rpc/client/' },
      to: { reachable: true, path: `^(node:)?(${builtinModules.join('|')})$` },
    },
    {
      name: 'src-imports-no-tests',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'not-a-development-package',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
