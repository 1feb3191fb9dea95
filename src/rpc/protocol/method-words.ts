import type { MethodName } from './table.ts';

/** By method: what a user of another client calls instead of it. */
export type MethodWords = Readonly<Partial<Record<MethodName, string>>>;

/** By method: the command that calls it. Errors of the server name methods, since every client shows them. */
export const COMMANDS: MethodWords = {
  getRuns: 'headgate runs',
  getRun: 'headgate runs',
  startRun: 'headgate act --run',
  getProposals: 'headgate proposals',
  getModels: 'headgate models',
  addModel: 'headgate models add',
  removeModel: 'headgate models remove',
  getContext: 'headgate context',
  listSkills: 'headgate skills',
  getSkills: 'headgate skills',
  getEntries: 'headgate rpc getEntries',
  discover: 'headgate rpc discover',
  'run/resolve': 'headgate accept',
  'run/abort': 'headgate abort',
  'run/rename': 'headgate rename',
  'run/fork': 'headgate fork',
  'run/delete': 'headgate rm',
  'run/config': 'headgate rpc run/config',
  'stream/read': 'headgate output',
  'stream/list': 'headgate ps --all',
  'stream/cancel': 'headgate cancel',
  'stream/cancelAll': 'headgate stop --kill',
  'stream/signal': 'headgate kill',
  'stream/input': 'headgate tty --attach',
  'stream/export': 'headgate export',
  'runner/list': 'headgate runners',
  'runner/forget': 'headgate runner forget',
  'runner/drain': 'headgate runner drain',
  'token/list': 'headgate token list',
  'token/add': 'headgate token add',
  'policy/list': 'headgate policy list',
  'policy/add': 'headgate policy add',
  'policy/remove': 'headgate policy remove',
  'policy/check': 'headgate policy check',
};

const METHOD = /(?<![\w/.:-])(?:[a-z]+\/[a-z]+[A-Za-z]*|[a-z]+[A-Z][A-Za-z]*|discover)(?![\w/])/g;

/** A message of the server with these words in place of the methods that it names. */
export function inWords(message: string, words: MethodWords): string {
  return message.replace(METHOD, (name, at: number) =>
    message.slice(0, at).endsWith('headgate rpc ') ? name : (words[name as MethodName] ?? name),
  );
}
