import { browserWebSocket, connectRuntime, type Runtime, type Transport } from '../../../src/rpc/client/index.ts';
import { post } from './post.ts';

/** A page waits for its server as long as it is open: a laptop may sleep for a night. */
const FOR_EVER_MS = Number.POSITIVE_INFINITY;

/** A project of the server. */
export interface Project {
  readonly name: string;
  readonly projectRoot: string;
}

/** Connects to the server of this page. Throws RpcError for a token that it does not take. */
export function connect(token: string, { name, projectRoot }: Project): Promise<Runtime> {
  // Relative to the page, which a proxy may have put under a path.
  const url = new URL('../rpc', location.href.replace(/^http/, 'ws')).href.split('#', 1)[0] ?? '';
  const dial = async (): Promise<Transport> => {
    try {
      return await browserWebSocket(url, token);
    } catch (error) {
      await post(token, 'ping', {});
      throw error;
    }
  };
  return connectRuntime(dial, {
    project: { name, root: projectRoot },
    client: { name: 'portal' },
    giveUpMs: FOR_EVER_MS,
  });
}
