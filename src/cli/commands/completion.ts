import type { Command } from 'commander';
import { type Ask, candidates } from '../completion/candidates.ts';
import { completionScript, type SHELLS } from '../completion/scripts.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

/** A person waits at the key: what has not come by then is left out. The process itself takes the rest of 2 s. */
const PATIENCE_MS = 1500;

/** `headgate completion`: what a shell reads to complete the command. */
export async function completion(console: Console, program: Command, shell: (typeof SHELLS)[number]): Promise<number> {
  await console.out.write(completionScript(shell, program));
  return EXIT.ok;
}

/** `headgate complete`: what the shells ask; one candidate a line, and never an error. */
export async function complete(console: Console, program: Command, words: readonly string[]): Promise<number> {
  const ask: Ask = async (options, what) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<readonly string[]>((resolve) => {
      timer = setTimeout(() => resolve([]), PATIENCE_MS);
    });
    return await Promise.race([asked(console, options, what), late]).finally(() => clearTimeout(timer));
  };
  for (const one of await candidates(program, words, ask)) await console.out.write(`${one}\n`);
  return EXIT.ok;
}

async function asked(console: Console, options: ClientOptions, what: Parameters<Ask>[1]): Promise<readonly string[]> {
  try {
    await using session = await openSession(console, options);
    return await what(session);
  } catch {
    // No server, no such run: a shell shows nothing then.
    return [];
  }
}
