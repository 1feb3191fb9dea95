import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRuntime } from '../../src/sdk.ts';
import { tempFolder } from '../support/temp-store.ts';
import { readWhole, runtimeContract, start } from './runtime.contract.ts';

runtimeContract('in this process', async ({ data, root }) => {
  const own = await openRuntime({ data, project: root, client: { name: 'owner' }, logLevel: 'silent' });
  return { connect: (name) => own.join({ project: root, client: { name } }), close: () => own.close() };
});

describe('{#client_in_process} a runtime of this process', () => {
  it('listens nowhere, has its folder alone, and leaves its commands to the next', async () => {
    const { folder, remove } = await tempFolder();
    const [data, root] = [join(folder, 'data'), join(folder, 'project')];
    await mkdir(root);
    const first = await openRuntime({ data, project: root, logLevel: 'silent' });
    const command = await start(first, 'echo one; while [ ! -e go ]; do sleep 0.05; done; echo two');
    const chunks = first.follow(command.run, command.path);
    await chunks.next();
    expect(['server.json', 'headgate.sock'].filter((name) => existsSync(join(data, name)))).toEqual([]);
    await expect(openRuntime({ data, project: root, logLevel: 'silent' })).rejects.toMatchObject({ kind: 'conflict' });
    await first.close();
    await mkdir(join(root, 'go'));
    await using second = await openRuntime({ data, project: root, logLevel: 'silent' });
    const { output, end } = await readWhole(second.follow(command.run, command.path));
    expect([output.get(1)?.toString(), end.exit_code]).toEqual(['one\ntwo\n', 0]);
    await second.close();
    await remove();
  });
});
