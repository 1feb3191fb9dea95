import { parentPort } from 'node:worker_threads';
import type { ThreadQuestion, ThreadReply } from './apart.ts';
import { judge } from './judge.ts';
import { readRules } from './rule.ts';
import { takingPlace } from './shell/take-place.ts';

/** Judges what is too large for the server's thread (SPEC {#no_pause}). Takes `{id, question}` and posts `{id, reply}`. */
async function replyTo(question: ThreadQuestion): Promise<ThreadReply> {
  if (question.kind === 'judge') return { judgement: await judge(question.one, readRules(question.rules)) };
  const line = await takingPlace(question.text);
  return line === undefined ? {} : { line };
}

parentPort?.on('message', ({ id, question }: { id: number; question: ThreadQuestion }) => {
  // What fails ends the thread: then nothing was judged, and people are asked.
  void replyTo(question).then((reply) => parentPort?.postMessage({ id, reply }));
});
