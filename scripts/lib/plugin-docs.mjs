/**
 * The tables of PLUGINS.md, from the types that plugins are held to: the hooks with their payloads, and the members of what a plugin is handed
 * and hands over. Whatever has no TSDoc is an error, so that no member goes undocumented.
 */
import { join } from 'node:path';
import ts from 'typescript';

const FILES = ['commands.ts', 'plugin.ts', 'table.ts', 'views.ts', 'producer.ts', 'method.ts'];
/** Name of a block to the interface whose members it lists. */
const INTERFACES = {
  context: 'PluginContext',
  tool: 'ToolDefinition',
  call: 'ToolCallContext',
  write: 'EntryWrite',
  entries: 'EntryAccess',
  reader: 'ChannelReader',
  files: 'FileAccess',
  commands: 'CommandAccess',
  skills: 'SkillAccess',
  view: 'RunView',
  producer: 'ProducerDefinition',
  io: 'ProducerIo',
  result: 'ProducerResult',
  method: 'MethodDefinition',
  methodcall: 'MethodCall',
};

/** @param {string} root @param {Record<string, {kind: string, summary: string, onThrow: string}>} hooks the table of the program */
export function pluginBlocks(root, hooks) {
  const paths = FILES.map((file) => join(root, 'src/hooks', file));
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config;
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const program = ts.createProgram(paths, options);
  const checker = program.getTypeChecker();
  const found = new Map();
  for (const path of paths) {
    for (const node of program.getSourceFile(path)?.statements ?? []) if (ts.isInterfaceDeclaration(node)) found.set(node.name.text, node);
  }
  const need = (name) => {
    const node = found.get(name);
    if (!node) throw new Error(`docs: src/hooks has no interface ${name}`);
    return node;
  };
  const blocks = Object.entries(INTERFACES).map(([block, name]) => [`plugin:${block}`, membersTable(name, need(name))]);
  const payloads = { event: membersOf(need('EventPayloads')), filter: membersOf(need('FilterTypes')) };
  return new Map([...blocks, ['plugin:hooks', hooksTable(hooks, payloads, checker)]]);
}

function membersTable(name, node) {
  const rows = node.members.map((member) => {
    const field = member.name.getText();
    const doc = docOf(member);
    if (doc === '') throw new Error(`docs: ${name}.${field} has no TSDoc; PLUGINS.md is made from it`);
    return `| \`${signature(member)}\` | ${cell(doc)} |`;
  });
  return ['| member | what it is |', '| --- | --- |', ...rows].join('\n');
}

/** `name`, `name?: type` of a field; `name(a, b?)` of a function. */
function signature(member) {
  const name = member.name.getText();
  if (ts.isMethodSignature(member)) {
    const args = member.parameters.map((one) => `${one.name.getText()}${one.questionToken ? '?' : ''}`).join(', ');
    return `${name}${member.questionToken ? '?' : ''}(${args})`;
  }
  const type = member.type.getText().replaceAll(/\s+/g, ' ').replaceAll('readonly ', '');
  return pipes(`${name}${member.questionToken ? '?' : ''}: ${type}`);
}

function hooksTable(hooks, payloads, checker) {
  const rows = Object.entries(hooks).map(([name, { kind, summary, onThrow }]) => {
    const member = payloads[kind].get(name);
    if (!member) throw new Error(`docs: the ${kind} ${name} has no type`);
    const type = checker.getTypeFromTypeNode(member.type);
    if (kind === 'event') return row(name, kind, summary, '', shape(type, checker, member), onThrow);
    const part = (key) => checker.getTypeOfSymbolAtLocation(type.getProperty(key), member);
    return row(name, kind, summary, `\`${pipes(textOf(part('value'), checker))}\``, shape(part('payload'), checker, member), onThrow);
  });
  return [
    '| hook | kind | when | value | payload | a handler that throws or is late |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function row(name, kind, summary, value, payload, onThrow) {
  return `| \`${name}\` | ${kind} | ${cell(summary)} | ${value} | \`${pipes(payload)}\` | ${cell(onThrow)} |`;
}

/** `{name: type, ...}` of an object, parts of it that it shares with others included. */
function shape(type, checker, at) {
  const properties = checker.getPropertiesOfType(type).map((property) => {
    return `${property.name}: ${textOf(checker.getTypeOfSymbolAtLocation(property, at), checker)}`;
  });
  return properties.length === 0 ? '{}' : `{${properties.join(', ')}}`;
}

function textOf(type, checker) {
  const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;
  return checker.typeToString(type, undefined, flags).replaceAll('readonly ', '').replaceAll('"', "'");
}

function membersOf(node) {
  return new Map(node.members.map((member) => [member.name.text ?? member.name.getText(), member]));
}

function docOf(member) {
  return ts
    .getJSDocCommentsAndTags(member)
    .filter(ts.isJSDoc)
    .map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '')
    .join(' ')
    .replaceAll(/\s*\(SPEC (\{#[a-z_]+\})\)/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function cell(text) {
  return pipes(text);
}

function pipes(text) {
  return text.replaceAll('|', '\\|');
}
