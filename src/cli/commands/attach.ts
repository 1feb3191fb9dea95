import { deferred } from '../../core/deferred.ts';
import { isEnd } from '../../core/end-status.ts';
import { RunName } from '../../rpc/client/index.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { Operator } from '../operator.ts';
import { RunView } from '../run-view.ts';
import { Screen } from '../screen.ts';
import { isInteractive } from './prompt.ts';

/** Options of `headgate attach`. */
export interface AttachOptions extends ClientOptions {
  readonly plain?: boolean;
}

/** Shows a run and goes on live: on a terminal in a view that fills it, else line by line. Leaving touches nothing (SPEC {#cli_attach}). */
export async function attach(console: Console, run: string, options: AttachOptions): Promise<number> {
  const isTerminal = isInteractive(console) && console.out.stream.isTTY === true;
  const isFull = isTerminal && !options.plain && console.env['TERM'] !== 'dumb';
  return isFull
    ? await (await import('../attach/open.ts')).openAttachView(console, run, options)
    : await attachPlain(console, run, options);
}

/** Prints a run from its beginning; on a terminal keys answer and cancel, until q, elsewhere it ends when the run does. */
async function attachPlain(console: Console, run: string, options: ClientOptions): Promise<number> {
  const session = await openSession(console, options, { resume: true, start: true });
  const screen = new Screen(console.out, console.outColors);
  const interactive = isInteractive(console) && console.out.stream.isTTY === true;
  const interrupts = new Interrupts(() => interrupts.leave());
  const undoGone = console.out.onGone(() => interrupts.leave(EXIT.brokenPipe));
  const name = new RunName(run);
  let operator: Operator | undefined;
  let view: RunView | undefined;
  try {
    await session.look('getRun', { run });
    operator = new Operator({ session, run: name, screen, console, interrupts, acceptAll: false, interactive });
    const person = operator;
    const { promise: ended, resolve: done, reject: fail } = deferred<number>();
    let synced = false;
    const finishIfOver = async () => {
      if (interactive || !synced) return;
      // Asked afresh: an event tells of one loop, and more may be queued behind it.
      const { status, loops } = await name.ask((now) => session.look('getRun', { run: now }));
      if (isEnd(status) && loops.every((loop) => isEnd(loop.status))) done(status === 200 ? EXIT.ok : EXIT.failed);
    };
    view = new RunView({
      session,
      run: name,
      screen,
      whole: false,
      answer: screen,
      listener: {
        proposed: (proposal) => {
          person.proposed(proposal);
          if (synced) person.review();
        },
        resolved: (path) => person.resolved(path),
        state: () => void finishIfOver().catch(fail),
        synced: () => {
          synced = true;
          if (interactive)
            screen.line(
              screen.colors.dim(
                session.mayAct
                  ? `attached to ${name.now}; keys: a accept, r reject, m and f the same and remember it, c cancel the running command, q leave`
                  : `attached to ${name.now} with a token that may look and change nothing; q leaves`,
              ),
            );
          person.review();
          finishIfOver().catch(fail);
        },
      },
    });
    view.open(0);
    return await interrupts.orLeft(Promise.race([ended, view.failed()]));
  } finally {
    undoGone();
    operator?.close();
    view?.close();
    interrupts.dispose();
    await session.close();
  }
}
