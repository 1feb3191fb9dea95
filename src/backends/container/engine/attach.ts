import type { Duplex } from 'node:stream';

/** Streams of a container, from now on. */
export async function attachTo(
  container: { attach(options: object): Promise<NodeJS.ReadWriteStream> },
  { stdin, output }: { stdin: boolean; output: boolean },
): Promise<Duplex> {
  return (await container.attach({ stream: true, hijack: true, stdin, stdout: output, stderr: output })) as Duplex;
}
