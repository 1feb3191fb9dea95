import { defined } from '../../core/defined.ts';
import type { ParamsOf } from '../../rpc/protocol/table.ts';
import type { Console } from '../console.ts';
import { CliError, usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type ListOptions, printAnswer, withSession } from '../listing.ts';
import { visibleLine } from '../text.ts';

/** `headgate rename`: gives a run another alias. */
export async function rename(console: Console, run: string, name: string, options: ListOptions): Promise<number> {
  return await withSession(console, options, async (session) => {
    const answer = await session.call('run/rename', { run, name });
    return await printAnswer(console, options, answer, `${run} is now ${answer.run}`);
  });
}

/** `headgate fork`: copies a run. */
export async function fork(console: Console, run: string, name: string | undefined, options: ListOptions): Promise<number> {
  return await withSession(console, options, async (session) => {
    const answer = await session.call('run/fork', { run, ...defined({ name }) });
    return await printAnswer(console, options, answer, answer.run);
  });
}

/** `headgate rm`: deletes a run with all that it holds. */
export async function remove(console: Console, run: string, options: ListOptions): Promise<number> {
  return await withSession(console, options, async (session) => {
    const answer = await session.call('run/delete', { run });
    return await printAnswer(console, options, answer, `${answer.run} is deleted`);
  });
}

/** Options of `headgate models add`. */
export type ModelOptions = ListOptions &
  Pick<ParamsOf<'addModel'>, 'provider' | 'contextLength' | 'dialect' | 'baseUrl'> & { readonly keyEnv?: string };

/** `headgate models add`. */
export async function addModel(console: Console, alias: string, actual: string, options: ModelOptions): Promise<number> {
  const { provider, contextLength, dialect, baseUrl, keyEnv: apiKeyEnv } = options;
  if (apiKeyEnv !== undefined && baseUrl === undefined)
    throw usageError(
      '--key-env goes with --base-url',
      'the key of a provider that has a name is in the variable that the server takes for it',
    );
  return await withSession(console, options, async (session) => {
    const answer = await session.call('addModel', {
      alias,
      actual,
      ...defined({ provider, contextLength, dialect, baseUrl, apiKeyEnv }),
    });
    if (answer.problem !== undefined && !options.json)
      throw new CliError(
        `added model ${answer.alias}, which cannot be asked yet: ${visibleLine(answer.problem)}`,
        EXIT.failed,
        `headgate models remove ${answer.alias} takes it back`,
      );
    return await printAnswer(console, options, answer, `added model ${answer.alias}; headgate act --model ${answer.alias} "..." asks it`);
  });
}

/** `headgate models remove`. */
export async function removeModel(console: Console, alias: string, options: ListOptions): Promise<number> {
  return await withSession(console, options, async (session) => {
    const answer = await session.call('removeModel', { alias });
    return await printAnswer(console, options, { alias, ...answer }, `removed model ${alias}`);
  });
}
