/** What GitHub and GitLab make of a heading, behind the `#` of an address: `## Paths {#paths}` is `paths-paths`. */
export function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}

/** The anchors of all headings of a Markdown text; the second heading of one text has `-1` at its end, and so on. */
export function anchorsIn(text) {
  const seen = new Map();
  const anchors = new Set();
  for (const [, heading] of withoutFences(text).matchAll(/^#{1,6} +(.*?) *$/gm)) {
    const anchor = anchorOf(heading);
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    anchors.add(before === 0 ? anchor : `${anchor}-${before}`);
  }
  return anchors;
}

/** The targets of the links and images of a Markdown text, with the number of their line. What stands in code is no link. */
export function linksIn(text) {
  const lines = withoutFences(text)
    .replace(/`[^`\n]*`/g, '')
    .split('\n');
  return lines.flatMap((line, index) =>
    [...line.matchAll(/\]\(<?([^()\s>]+)>?(?: "[^"]*")?\)/g)].map(([, target]) => ({ target, line: index + 1 })),
  );
}

/** The text with empty lines in place of its fenced code. */
function withoutFences(text) {
  return text.replace(/^( *)(```+|~~~+)[\s\S]*?^\1\2 *$/gm, (code) => code.replace(/[^\n]/g, ''));
}
