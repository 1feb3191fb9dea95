import ts from 'typescript';

const CLAUSE = /\{#([a-z0-9_]+)\}/g;
const GENERATED = /<!-- generated:[^>]*-->[\s\S]*?<!-- \/generated -->/g;
const FENCED = /^```[\s\S]*?^```/gm;
/** `SPEC {#a}` in a comment, also `SPEC {#a}, {#b} and {#c}`. */
const REFERENCE = /SPEC((?:\s|\*|,|and|\{#[a-z0-9_]+\})+)/g;
const TITLED = new Set(['it', 'test', 'describe']);

/** @typedef {{ name: string, text: string }} SourceFile */

/**
 * What does not fit between a specification, the tests' titles and the comments in the sources.
 * A skipped or a planned test proves nothing and does not count.
 * @param {{ spec: SourceFile[], tests: SourceFile[], sources: SourceFile[] }} input
 * @returns {{ issues: string[], clauses: number }}
 */
export function clauseIssues({ spec, tests, sources }) {
  const issues = [];
  const clauses = new Map();
  for (const { id, page } of clausesIn(spec)) {
    if (clauses.has(id)) issues.push(`${page}: two clauses are named {#${id}}`);
    clauses.set(id, page);
  }
  for (const { name, text } of spec) {
    for (const id of new Set(idsIn(proseOf(text)))) if (!clauses.has(id)) issues.push(`${name}: refers to {#${id}}, which is no clause`);
  }
  const proven = provenIn(tests);
  for (const [id, names] of proven) {
    if (!clauses.has(id)) for (const name of names) issues.push(`${name}: a title names {#${id}}, which is no clause of the specification`);
  }
  for (const [id, page] of clauses) if (!proven.has(id)) issues.push(`${page}: no test names {#${id}}`);
  for (const { name, text } of sources) {
    for (const [, list] of text.matchAll(REFERENCE)) {
      for (const id of idsIn(list)) if (!clauses.has(id)) issues.push(`${name}: refers to SPEC {#${id}}, which is no clause`);
    }
  }
  return { issues: [...new Set(issues)], clauses: clauses.size };
}

/**
 * The clauses of a specification: headings with an id in braces, in their order.
 * @param {SourceFile[]} spec
 * @returns {{ id: string, title: string, heading: string, page: string }[]}
 */
export function clausesIn(spec) {
  return spec.flatMap(({ name, text }) =>
    [...proseOf(text).matchAll(/^#+ (.*)$/gm)].flatMap(([, heading]) =>
      idsIn(heading).map((id) => ({ id, title: heading.replace(CLAUSE, '').trim(), heading, page: name })),
    ),
  );
}

/**
 * The clauses that tests name in their titles, each with the files of these tests.
 * @param {SourceFile[]} tests
 * @returns {Map<string, Set<string>>}
 */
export function provenIn(tests) {
  const proven = new Map();
  for (const { name, text } of tests) {
    if (!text.includes('{#')) continue;
    for (const id of testTitles(name, text).flatMap(idsIn)) proven.set(id, (proven.get(id) ?? new Set()).add(name));
  }
  return proven;
}

/** The text without its generated blocks and its code. */
function proseOf(text) {
  return text.replace(GENERATED, '').replace(FENCED, '');
}

function idsIn(text) {
  return [...text.matchAll(CLAUSE)].map(([, id]) => id);
}

/**
 * The first argument of every `it`, `test` and `describe`, also behind `.each(...)`, `.skipIf(...)` and the like, as it
 * stands in the source. Skipped and planned tests are left out.
 * @param {string} name
 * @param {string} text
 * @returns {string[]}
 */
export function testTitles(name, text) {
  const titles = [];
  const visit = (node) => {
    if (ts.isCallExpression(node) && isTitled(node.expression)) {
      const [title] = node.arguments;
      if (title !== undefined && (ts.isStringLiteralLike(title) || ts.isTemplateExpression(title))) titles.push(title.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true));
  return titles;
}

function isTitled(callee) {
  if (ts.isIdentifier(callee)) return TITLED.has(callee.text);
  if (ts.isCallExpression(callee)) return isTitled(callee.expression);
  if (ts.isTaggedTemplateExpression(callee)) return isTitled(callee.tag);
  return ts.isPropertyAccessExpression(callee) && !['skip', 'todo'].includes(callee.name.text) && isTitled(callee.expression);
}
