const { builtinModules } = require('node:module');

/** The layer table of ARCHITECTURE.md: each folder of src and the folders that it may import. A folder may import itself. */
const LAYERS = {
  core: [],
  model: ['core'],
  hooks: ['core', 'model'],
  store: ['core', 'model'],
  digest: ['core', 'model'],
  redact: ['core', 'model'],
  stream: ['core', 'model', 'digest', 'redact'],
  screen: ['core'],
  policy: ['core', 'hooks'],
  backends: ['core', 'model'],
  llm: ['core', 'model', 'hooks'],
  metrics: ['core', 'model'],
  tracing: ['core', 'model'],
  runner: ['core', 'model', 'rpc/client', 'rpc/protocol'],
  files: ['core', 'model', 'hooks'],
  runtime: ['core', 'model', 'hooks', 'digest', 'redact', 'files', 'stream', 'policy'],
  plugins: ['core', 'model', 'hooks'],
  'rpc/protocol': ['core', 'model'],
  'rpc/client': ['core', 'rpc/protocol'],
  'rpc/node': ['core', 'rpc/client'],
  'rpc/server': ['core', 'model', 'redact', 'rpc/protocol', 'runtime', 'stream', 'screen'],
  acp: ['core', 'rpc/client', 'rpc/protocol'],
  mcp: ['core', 'rpc/client', 'rpc/protocol'],
  cli: ['core', 'screen', 'rpc/client', 'rpc/node', 'rpc/protocol', 'acp', 'mcp'],
};

const folder = (name) => `^src/${name}/`;
const composition = '^src/(compose/|(main|sdk)\\.ts$)';

const layers = Object.entries(LAYERS).map(([name, allowed]) => ({
  name: `layer-${name.replace('/', '-')}`,
  severity: 'error',
  comment: `src/${name} may import ${allowed.length === 0 ? 'nothing else of src' : allowed.map((other) => `src/${other}`).join(', ')} (ARCHITECTURE.md).`,
  from: { path: folder(name) },
  to: { path: '^(src|migrations|test|scripts|bench)/', pathNot: [name, ...allowed].map(folder) },
}));

layers.push({
  name: 'layer-web',
  severity: 'error',
  comment: 'web may import src/core, src/rpc/client, src/rpc/protocol (ARCHITECTURE.md).',
  from: { path: '^web/' },
  to: { path: '^(src|migrations|test|scripts|bench)/', pathNot: ['core', 'rpc/client', 'rpc/protocol'].map(folder) },
});

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
      comment: 'Nothing that src/rpc/client or the portal reaches may be a module of Node.',
      from: { path: '^(src/rpc/client|web/src)/' },
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
      from: { path: '^(src|migrations|web)/' },
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
