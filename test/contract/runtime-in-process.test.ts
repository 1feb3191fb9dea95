import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
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

  it('that is closed keeps the process for nothing that its commands may still do', async () => {
    const { folder, remove } = await tempFolder();
    const root = join(folder, 'project');
    await mkdir(root);
    const sdk = new URL('../../src/sdk.ts', import.meta.url).href;
    const loader = new URL('../support/from-sources.mjs', import.meta.url).href;
    const program = `import { openRuntime } from ${JSON.stringify(sdk)};
      const runtime = await openRuntime({ data: ${JSON.stringify(join(folder, 'data'))}, project: ${JSON.stringify(root)} });
      const { run } = await runtime.call('startRun', { model: 'scripted' });
      const { path } = await runtime.call('sh', { run, command: 'echo $$; exec sleep 300', timeout: 3_600_000 });
      await runtime.call('run/resolve', { run, resolution: { path, action: 'accept' } });
      const { value } = await runtime.follow(run, path).next();
      process.stdout.write(value.bytes);
      await runtime.close();`;
    const file = join(folder, 'program.mjs');
    await writeFile(file, program);
    const child = spawn(process.execPath, ['--import', loader, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const out = text(child.stdout);
    expect(await once(child, 'exit')).toEqual([0, null]);
    process.kill(Number(await out), 'SIGKILL');
    await remove();
  });
});
