import { RunName } from '../../rpc/client/index.ts';
import type { ProjectRef } from '../../rpc/node/index.ts';
import type { Console } from '../console.ts';
import { type ClientOptions, openSession } from '../context.ts';
import { AttachView } from './attach-view.ts';

/** Shows a run in our terminal until it is left, and says what goes on without us (SPEC {#cli_attach}). */
export async function openAttachView(console: Console, run: string, options: ClientOptions, project?: ProjectRef): Promise<number> {
  const name = new RunName(run);
  let view: AttachView | undefined;
  const session = await openSession(console, options, {
    resume: (notice, isOpen) => view?.connection(isOpen ? '' : notice),
    start: true,
    ...(project ? { project } : {}),
  });
  try {
    view = new AttachView(console, session, name);
    const code = await view.show();
    const { running } = view;
    if (running > 0)
      await console.err.write(`headgate: left ${name.now}; ${running === 1 ? 'a command goes' : `${running} commands go`} on there\n`);
    return code;
  } finally {
    await session.close();
  }
}
