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
 * @param {{ spec: string, tests: SourceFile[], sources: SourceFile[] }} input
 * @returns {{ issues: string[], clauses: number }}
 */
export function clauseIssues({ spec, tests, sources }) {
  const issues = [];
  const prose = spec.replace(GENERATED, '').replace(FENCED, '');
  const clauses = new Set();
  for (const heading of prose.match(/^#+ .*$/gm) ?? []) {
    for (const id of idsIn(heading)) {
      if (clauses.has(id)) issues.push(`SPEC.md: two clauses are named {#${id}}`);
      clauses.add(id);
    }
  }
  for (const id of new Set(idsIn(prose))) if (!clauses.has(id)) issues.push(`SPEC.md: refers to {#${id}}, which is no clause`);
  const proven = new Set();
  for (const { name, text } of tests) {
    for (const title of testTitles(name, text)) {
      for (const id of idsIn(title)) {
        proven.add(id);
        if (!clauses.has(id)) issues.push(`${name}: a title names {#${id}}, which is no clause of SPEC.md`);
      }
    }
  }
  for (const id of clauses) if (!proven.has(id)) issues.push(`SPEC.md: no test names {#${id}}`);
  for (const { name, text } of sources) {
    for (const [, list] of text.matchAll(REFERENCE)) {
      for (const id of idsIn(list)) if (!clauses.has(id)) issues.push(`${name}: refers to SPEC {#${id}}, which is no clause`);
    }
  }
  return { issues: [...new Set(issues)], clauses: clauses.size };
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
