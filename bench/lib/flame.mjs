import { groupOf, label } from './profile.mjs';
import { escaped } from './svg.mjs';

const WIDTH = 1200;
const ROW = 17;
const TOP = 44;
/** Narrower than this is not drawn. */
const LEAST = 1;
const CHARACTER = 6.6;

const KINDS = [
  ['headgate', 'Headgate', (group) => /src/.test(group)],
  ['node', 'Node.js', (group) => group.startsWith('Node')],
  ['package', 'packages', (group) => /better-sqlite3|ws|packages/.test(group)],
  ['native', 'native code, garbage collection, WebAssembly', () => true],
];
const STYLE = `
  .paper { fill: #ffffff } text { fill: #1f2328; font: 11px ui-monospace, monospace } .title { font: 600 13px system-ui, sans-serif } .note { font: 12px system-ui, sans-serif }
  rect { stroke: #ffffff; stroke-width: 0.5 } .headgate { fill: #f0883e } .node { fill: #a5d6a7 } .package { fill: #90caf9 } .native { fill: #d0d7de }
  @media (prefers-color-scheme: dark) { .paper { fill: #0d1117 } .title, .note { fill: #e6edf3 } }`;

/** A V8 CPU profile as a flame graph: callers at the top, width is time in which the thread was busy. */
export function flameGraph(title, profile) {
  const root = merged(profile);
  const rows = [];
  const place = (node, left, depth) => {
    const width = (node.us / root.us) * WIDTH;
    if (width < LEAST) return;
    (rows[depth] ??= []).push({ node, left, width });
    let from = left;
    for (const child of [...node.children.values()].sort((a, b) => b.us - a.us)) {
      place(child, from, depth + 1);
      from += (child.us / root.us) * WIDTH;
    }
  };
  place(root, 0, 0);
  const height = TOP + rows.length * ROW + 8;
  const boxes = rows.flatMap((row, depth) => row.map((box) => drawn(box, TOP + depth * ROW, root.us)));
  const legend = KINDS.map(([kind, name], index) => {
    const x = 8 + index * 110;
    return `<rect class="${kind}" x="${x}" y="24" width="12" height="12"/><text class="note" x="${x + 17}" y="34">${name}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}
</style>
<rect class="paper" width="${WIDTH}" height="${height}"/>
<text class="title" x="8" y="16">${escaped(title)}</text>
${[...legend, ...boxes].join('\n')}
</svg>
`;
}

/** The calls as one tree: the same function under the same callers is one node, whichever line was running. */
function merged({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const selfUs = new Map();
  samples.forEach((id, index) => void selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, timeDeltas[index] ?? 0)));
  const grow = ({ id, children = [] }, into) => {
    into.us += selfUs.get(id) ?? 0;
    for (const child of children.map((one) => byId.get(one))) {
      if (groupOf(child.callFrame) === 'idle') continue;
      const name = label(child.callFrame);
      const known = into.children.get(name) ?? { name, frame: child.callFrame, us: 0, children: new Map() };
      into.children.set(name, known);
      const before = known.us;
      grow(child, known);
      into.us += known.us - before;
    }
  };
  const root = { name: 'busy', frame: { functionName: '(root)', url: '' }, us: 0, children: new Map() };
  grow(nodes[0], root);
  return root;
}

function drawn({ node, left, width }, top, allUs) {
  const [kind] = KINDS.find(([, , fits]) => fits(groupOf(node.frame)));
  const fits = Math.floor((width - 4) / CHARACTER);
  const text = fits < 3 ? '' : `<text x="${fixed(left + 2)}" y="${top + 12}">${escaped(node.name.slice(0, fits))}</text>`;
  const share = `${(node.us / 1000).toFixed(1)} ms, ${((node.us / allUs) * 100).toFixed(1)} %`;
  const box = `<rect class="${kind}" x="${fixed(left)}" y="${top}" width="${fixed(width)}" height="${ROW - 1}"/>`;
  return `<g><title>${escaped(node.name)}: ${share}</title>${box}${text}</g>`;
}

function fixed(value) {
  return Number(value.toFixed(1));
}
