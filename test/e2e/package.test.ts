import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, endCommands, serve } from '../support/built-server.ts';
import { tempFolder } from '../support/temp-store.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** The programs of the documentation, and what each prints. */
async function examples(): Promise<{ file: string; source: string; prints: string | undefined }[]> {
  const text = await readFile(join(ROOT, 'docs/sdk.md'), 'utf8');
  return [...text.matchAll(/```ts\n([\s\S]*?)```\n(?:\n```text\n([\s\S]*?)```)?/g)].map(([, source = '', prints], index) => ({
    file: `example-${index + 1}`,
    source,
    prints,
  }));
}

describe('{#client_package} the package', () => {
  let folder: string;
  let remove: () => Promise<void>;
  let server: BuiltServer;

  beforeAll(async () => {
    ({ folder, remove } = await tempFolder());
    const packages = join(folder, 'node_modules');
    await mkdir(packages);
    // Its dependencies are those of this repository; the package itself is the one that would be published.
    for (const name of await readdir(join(ROOT, 'node_modules'))) {
      if (!name.startsWith('.') && name !== 'headgate') await symlink(join(ROOT, 'node_modules', name), join(packages, name));
    }
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT });
    const [packed] = JSON.parse(stdout) as [{ filename: string }];
    await run('tar', ['-xzf', packed.filename], { cwd: folder });
    await run('mv', ['package', join(packages, 'headgate')], { cwd: folder });
    await writeFile(join(folder, 'package.json'), '{"name": "consumer", "type": "module"}\n');
    server = await serve(join(folder, 'data'));
  }, 120_000);
  afterAll(async () => {
    if (server) await endCommands(server, folder);
    await server?.stop();
    await remove?.();
  });

  it('compiles the examples of its documentation with strict types of its own, and they print what is written there', async () => {
    const programs = await examples();
    expect(programs.length).toBeGreaterThan(5);
    for (const { file, source } of programs) await writeFile(join(folder, `${file}.ts`), source);
    const options = {
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      module: 'NodeNext',
      moduleResolution: 'NodeNext',
      types: ['node'],
    };
    const strict = { strict: true, skipLibCheck: false, exactOptionalPropertyTypes: true, noEmitOnError: true, outDir: '.' };
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...options, ...strict }, files: programs.map(({ file }) => `${file}.ts`) }),
    );
    const compiled = await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: folder }).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(compiled.stdout).toBe('');
    const env = { ...process.env, HEADGATE_URL: server.url, HEADGATE_TOKEN: server.token };
    const printed = await Promise.all(
      programs
        .filter(({ prints }) => prints !== undefined)
        .map(async ({ file, prints }) => ({ file, prints, ...(await run(process.execPath, [`${file}.js`], { cwd: folder, env })) })),
    );
    for (const { file, prints, stdout, stderr } of printed) expect({ file, stdout, stderr }).toEqual({ file, stdout: prints, stderr: '' });
  }, 180_000);

  it('has a client without a module of Node, which can be bundled for a browser', async () => {
    await writeFile(join(folder, 'page.js'), "export { browserWebSocket, connectRuntime } from 'headgate/client';\n");
    const unresolved: string[] = [];
    const bundle = await rolldown({
      input: join(folder, 'page.js'),
      cwd: folder,
      platform: 'browser',
      onLog: (_, { code, message }) => void (code?.includes('RESOLVE') && unresolved.push(message)),
    });
    const { output } = await bundle.generate({ format: 'esm' });
    await bundle.close();
    expect(unresolved).toEqual([]);
    expect(output.flatMap((chunk) => (chunk.type === 'chunk' ? [...chunk.imports, ...chunk.dynamicImports] : []))).toEqual([]);
    expect(output[0].code).toContain('bearer.');
    expect(output[0].code).not.toMatch(/\bprocess\.|\bBuffer\b|node:/);
  });
});
