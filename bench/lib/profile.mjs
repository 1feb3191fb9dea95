/** Where a function belongs, by its file and name; the first that fits. Times are self times, so nothing counts twice. */
const GROUPS = [
  // What starts and stops the profiler is no work of the server's.
  ['idle', ({ functionName, url }) => functionName === '(idle)' || url === 'node:inspector'],
  ['garbage collection', ({ functionName }) => functionName === '(garbage collector)'],
  [
    'native code without a JavaScript function (`(program)`)',
    ({ functionName }) => functionName === '(program)' || functionName === '(root)',
  ],
  ['WebAssembly: line counting, JSON escaping', ({ url }) => url.startsWith('wasm:')],
  ['frames: src/rpc/server/chunk-frame, core/json-depth', ({ url }) => /\/(rpc\/server\/chunk-frame|core\/json-depth)/.test(url)],
  ['the rest of src/rpc', ({ url }) => /\/dist\/src\/rpc\//.test(url)],
  ['src/stream: coalescing, cursors, feeds', ({ url }) => /\/dist\/src\/stream\//.test(url)],
  ['src/store: SQL, segments, transactions', ({ url }) => /\/dist\/src\/store\//.test(url)],
  ['src/backends, src/runner: tailing the spool', ({ url }) => /\/dist\/src\/(backends|runner)\//.test(url)],
  ['src/core: line counting, UTF-8, clocks', ({ url }) => /\/dist\/src\/core\//.test(url)],
  ['the rest of src', ({ url }) => /\/dist\//.test(url)],
  ['better-sqlite3', ({ url }) => /\/better-sqlite3\//.test(url)],
  ['ws', ({ url }) => /\/node_modules\/ws\//.test(url)],
  ['other packages', ({ url }) => /\/node_modules\//.test(url)],
  ['Node: files', ({ url }) => /^node:(internal\/)?fs/.test(url)],
  ['Node: sockets and streams', ({ url }) => /^node:(internal\/)?(net|stream|streams)/.test(url)],
  ['Node: the rest', ({ url }) => url.startsWith('node:')],
];
const NATIVE = 'native functions called from JavaScript';

/** Shares below this are gathered in one line. */
const SHOWN_SHARE = 0.005;

/**
 * Self time of a V8 CPU profile by group, largest first, and the functions that took most of it.
 * Functions without a file are native ones; they count for whoever called them.
 */
export function summariseProfile({ nodes, samples, timeDeltas }) {
  const parents = new Map(nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id])));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const groups = new Map();
  const functions = new Map();
  samples.forEach((id, index) => {
    const us = Math.max(0, timeDeltas[index] ?? 0);
    const { frame, native } = owner(id, byId, parents);
    const group = groupOf(frame);
    groups.set(group, (groups.get(group) ?? 0) + us);
    if (group === 'idle') return;
    const name = native === undefined ? label(frame) : `${native} (native), from ${label(frame)}`;
    functions.set(name, (functions.get(name) ?? 0) + us);
  });
  const busyUs = [...groups].reduce((sum, [group, us]) => (group === 'idle' ? sum : sum + us), 0);
  const shares = (map) =>
    [...map]
      .filter(([name]) => name !== 'idle')
      .map(([name, us]) => ({ name, ms: us / 1000, share: busyUs === 0 ? 0 : us / busyUs }))
      .sort((a, b) => b.ms - a.ms);
  return {
    busyMs: busyUs / 1000,
    idleMs: (groups.get('idle') ?? 0) / 1000,
    groups: shares(groups),
    functions: shares(functions).slice(0, 8),
  };
}

/** The nearest function with a file, and the name of the native one that it called. */
function owner(id, byId, parents) {
  const own = byId.get(id).callFrame;
  if (own.url !== '' || /^\(.*\)$/.test(own.functionName)) return { frame: own };
  for (let at = parents.get(id); at !== undefined; at = parents.get(at)) {
    const { callFrame } = byId.get(at);
    if (callFrame.url !== '') return { frame: callFrame, native: own.functionName || 'anonymous' };
  }
  return { frame: own };
}

/** The group of a profile's call frame. */
export function groupOf(frame) {
  return GROUPS.find(([, fits]) => fits(frame))?.[0] ?? NATIVE;
}

/** The function and file of a call frame. */
export function label({ functionName, url }) {
  const file = url.replace(/^.*\/(dist\/|node_modules\/)/, '').replace(/^node:/, 'node:');
  return file === '' ? functionName : `${functionName || 'anonymous'} (${file})`;
}

/** The profiles of several paths as Markdown: a table of groups, and one of functions for each. */
export function profileTables(profiles) {
  const names = [
    ...new Set(profiles.flatMap(({ summary }) => summary.groups.filter(({ share }) => share >= SHOWN_SHARE).map(({ name }) => name))),
  ];
  const of = (summary, name) => summary.groups.find((group) => group.name === name);
  const cell = (group) => (group === undefined ? '-' : `${(group.share * 100).toFixed(1)} % (${group.ms.toFixed(0)} ms)`);
  const row = (cells) => `| ${cells.map((one) => one.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    row(['self time of the server, by group', ...profiles.map(({ name, summary }) => `${name}, ${summary.busyMs.toFixed(0)} ms busy`)]),
    row(['---', ...profiles.map(() => '---:')]),
    ...names.map((name) => row([name, ...profiles.map(({ summary }) => cell(of(summary, name)))])),
    ...profiles.flatMap(({ name, summary }) => [
      '',
      row([`functions that took most, ${name}`, 'self time']),
      row(['---', '---:']),
      ...summary.functions.map((one) => row([`\`${one.name}\``, cell(one)])),
    ]),
  ].join('\n');
}
