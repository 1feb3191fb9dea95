const WIDTH = 760;
const PANEL_HEIGHT = 190;
const MARGIN = { top: 34, right: 18, left: 74, bottom: 44 };
const GAP = 40;
const LEGEND_LINE = 15;

/** Drawn for a light page and for a dark one; the background is the figure's own, so a page that says nothing is no trouble. */
const STYLE = `
  .paper { fill: #ffffff } text { fill: #1f2328; font: 12px system-ui, sans-serif } .title { font-weight: 600; font-size: 13px }
  .grid { stroke: #d0d7de; stroke-width: 1 } .axis { stroke: #59636e; stroke-width: 1 }
  .line { fill: none; stroke-width: 1.75; stroke-linejoin: round } .c0 { stroke: #0969da } .c1 { stroke: #bc4c00 } .c2 { stroke: #1a7f37 }
  .d0 { fill: #0969da } .d1 { fill: #bc4c00 } .d2 { fill: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d } .axis { stroke: #8b949e }
    .c0 { stroke: #58a6ff } .c1 { stroke: #ffa657 } .c2 { stroke: #56d364 } .d0 { fill: #58a6ff } .d1 { fill: #ffa657 } .d2 { fill: #56d364 }
  }`;

/**
 * A figure: panels under each other over one horizontal axis, each with a vertical axis of its own that begins at 0.
 *
 * @param chart - `{title, x: {label, log}, panels: [{label, lines: [{name, points: [[x, y], ...]}]}]}`; labels carry the units
 */
export function svg({ title, x, panels }) {
  const xs = panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map(([at]) => at)));
  if (xs.length === 0) throw new Error(`the figure "${title}" has no points`);
  const across = horizontal(xs, x.log);
  let top = MARGIN.top;
  const drawn = panels.map((panel, index) => {
    const legend = panel.lines.length > 1 ? panel.lines.length * LEGEND_LINE : 0;
    const place = { top: top + legend, bottom: top + legend + PANEL_HEIGHT, legendTop: top };
    top = place.bottom + GAP;
    return drawPanel(panel, place, across, index === panels.length - 1 ? x.label : undefined);
  });
  const height = top - GAP + MARGIN.bottom;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}
</style>
<rect class="paper" width="${WIDTH}" height="${height}"/>
<text class="title" x="${MARGIN.left}" y="18">${escaped(title)}</text>
${drawn.join('\n')}
</svg>
`;
}

function drawPanel({ label, lines }, { top, bottom, legendTop }, across, xLabel) {
  const ticks = niceTicks(Math.max(0, ...lines.flatMap(({ points }) => points.map(([, y]) => y))));
  const highest = ticks.at(-1);
  const down = (value) => bottom - (value / highest) * (bottom - top);
  const right = WIDTH - MARGIN.right;
  const middle = (top + bottom) / 2;
  return [
    ...ticks.map(
      (tick) =>
        `<line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${fixed(down(tick))}" y2="${fixed(down(tick))}"/>` +
        `<text x="${MARGIN.left - 8}" y="${fixed(down(tick) + 4)}" text-anchor="end">${tick}</text>`,
    ),
    `<path class="axis" fill="none" d="M${MARGIN.left} ${top}V${bottom}H${right}"/>`,
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escaped(label)}</text>`,
    ...across.ticks.map(
      (tick) =>
        `<line class="axis" x1="${fixed(across.at(tick))}" x2="${fixed(across.at(tick))}" y1="${bottom}" y2="${bottom + 5}"/>` +
        `<text x="${fixed(across.at(tick))}" y="${bottom + 18}" text-anchor="middle">${tick}</text>`,
    ),
    ...(xLabel === undefined
      ? []
      : [`<text x="${(MARGIN.left + right) / 2}" y="${bottom + 36}" text-anchor="middle">${escaped(xLabel)}</text>`]),
    ...lines.map(({ name, points }, index) => drawLine(name, points, index % 3, { across, down })),
    ...(lines.length > 1 ? lines.map(({ name }, index) => legendEntry(name, index % 3, legendTop + index * LEGEND_LINE)) : []),
  ].join('\n');
}

function drawLine(name, points, colour, { across, down }) {
  const path = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${fixed(across.at(x))} ${fixed(down(y))}`).join('');
  const few = points.length <= 12;
  const dots = few ? points.map(([x, y]) => `<circle class="d${colour}" cx="${fixed(across.at(x))}" cy="${fixed(down(y))}" r="3"/>`) : [];
  return `<path class="line c${colour}" d="${path}"><title>${escaped(name)}</title></path>${dots.join('')}`;
}

function legendEntry(name, colour, y) {
  return (
    `<line class="line c${colour}" x1="${MARGIN.left}" x2="${MARGIN.left + 18}" y1="${y}" y2="${y}"/>` +
    `<text x="${MARGIN.left + 24}" y="${y + 4}">${escaped(name)}</text>`
  );
}

/** Where a value lies from left to right, and the ticks. A logarithmic axis has its ticks at the values themselves. */
function horizontal(xs, log) {
  const width = WIDTH - MARGIN.left - MARGIN.right;
  const ticks = log ? [...new Set(xs)].sort((a, b) => a - b) : niceTicks(Math.max(...xs), 10);
  const scale = log ? Math.log2 : (value) => value;
  const [low, high] = log ? [scale(ticks[0]), scale(ticks.at(-1))] : [0, ticks.at(-1)];
  const at = (value) => MARGIN.left + (high === low ? 0.5 : (scale(value) - low) / (high - low)) * width;
  return { at, ticks };
}

/** Round values from 0 to at least `highest`, about `count` of them. */
export function niceTicks(highest, count = 4) {
  if (!(highest > 0)) return [0, 1];
  const raw = highest / count;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((one) => one >= raw);
  const steps = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

function fixed(value) {
  return Number(value.toFixed(1));
}

/** Text as it stands in XML. */
export function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
