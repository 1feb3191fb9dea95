import { type McpServer, ResourceNotFoundError, ResourceTemplate } from '@modelcontextprotocol/server';
import { messageOf } from '../core/errors.ts';
import type { Runtime } from '../rpc/client/index.ts';
import type { Link } from './link.ts';
import { bytesOf, textOf } from './piece.ts';
import { channelUri, parseChannelUri } from './uri.ts';

/** Bytes of one read, the last of the channel. */
const READ_BYTES = 64 * 1024;
/** Channels in a list, the newest. */
const MAX_LISTED = 200;

/** Registers the channels as resources, with subscriptions (SPEC {#mcp_resources}). */
export function channelResources(server: McpServer, link: Link, subscribed: Set<string>): void {
  const template = new ResourceTemplate('headgate://runs/{run}/channels/{path}', {
    list: async (context) => {
      link.heard(context);
      return { resources: await listed(link) };
    },
  });
  server.registerResource(
    'channel',
    template,
    { title: 'Output of a command', description: 'The last 64 KiB of a channel; the tool get reads all of it.', mimeType: 'text/plain' },
    async (url) => ({ contents: [await contentOf(link, url.href)] }),
  );
  const { server: protocol } = server;
  protocol.setRequestHandler('resources/subscribe', async ({ params }) => {
    const runtime = await link.runtime();
    await headOf(runtime, params.uri);
    subscribed.add(params.uri);
    return {};
  });
  protocol.setRequestHandler('resources/unsubscribe', ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
}

async function listed(link: Link) {
  const runtime = await link.runtime();
  const producers = await runtime.look('stream/list', { redact: true });
  return producers
    .flatMap(({ run, command, channels }) =>
      channels.map(({ channel, path, bytes }) => ({
        uri: channelUri(run, path),
        name: path,
        title: `${channel === 1 ? 'stdout' : channel === 2 ? 'stderr' : `channel ${channel}`} of ${command.split('\n')[0]?.slice(0, 80) ?? ''}`,
        mimeType: 'text/plain',
        size: bytes,
      })),
    )
    .slice(0, MAX_LISTED);
}

async function contentOf(link: Link, uri: string) {
  const runtime = await link.runtime();
  const place = await headOf(runtime, uri);
  const page = await runtime.look('stream/read', {
    run: place.run,
    path: place.path,
    channel: place.channel,
    from: Math.max(0, place.bytes - READ_BYTES),
    max_bytes: READ_BYTES,
    redact: true,
  });
  const bytes = bytesOf(page);
  const text = textOf(bytes);
  return text === undefined
    ? { uri, mimeType: 'application/octet-stream', blob: bytes.toString('base64') }
    : { uri, mimeType: 'text/plain', text };
}

/** The channel that a URI names. Throws if that does not exist. */
async function headOf(runtime: Runtime, uri: string): Promise<{ run: string; path: string; channel: number; bytes: number }> {
  const place = parseChannelUri(uri);
  if (place) {
    const producers = await runtime.look('stream/list', { run: place.run, path: place.path }).catch((error: unknown) => {
      throw new ResourceNotFoundError(uri, messageOf(error));
    });
    for (const producer of producers) {
      const known = producer.channels.find(({ path }) => path === place.path);
      if (known) return { run: place.run, path: producer.path, channel: known.channel, bytes: known.bytes };
    }
  }
  throw new ResourceNotFoundError(uri, `there is no channel ${uri}; resources/list says which there are`);
}
