import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { type BuiltServer, endCommands, serve } from '../support/built-server.ts';
import { tempFolder } from '../support/temp-store.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** The programs of a page of documentation, and what each prints. */
async function examples(page: string): Promise<{ file: string; source: string; prints: string | undefined }[]> {
  const text = await readFile(join(ROOT, page), 'utf8');
  return [...text.matchAll(/```ts\n([\s\S]*?)```\n(?:\n```text\n([\s\S]*?)```)?/g)].map(([, source = '', prints], index) => ({
    file: `example-${index + 1}`,
    source,
    prints,
  }));
}

/** The programs in the comments of a package's declarations. */
async function commentExamples(from: string): Promise<string[]> {
  const files = (await readdir(from, { recursive: true })).filter((name) => name.endsWith('.d.ts')).sort();
  const texts = await Promise.all(files.map(async (name) => await readFile(join(from, name), 'utf8')));
  return texts.flatMap((text) =>
    [...text.matchAll(/@example\n *\* ```ts\n([\s\S]*?) *\* ```\n/g)].map(([, source = '']) => source.replaceAll(/^ *\* ?/gm, '')),
  );
}

/** A folder of a program that has the package of the folder `from` installed, packed as it would be published, beside `dependencies` of this repository. */
async function consumer(folder: string, from: string, dependencies: readonly string[]): Promise<void> {
  const packages = join(folder, 'node_modules');
  const { name } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8')) as { name: string };
  await mkdir(dirname(join(packages, name)), { recursive: true });
  for (const dependency of dependencies) {
    await mkdir(dirname(join(packages, dependency)), { recursive: true });
    await symlink(join(ROOT, 'node_modules', dependency), join(packages, dependency));
  }
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: from });
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  await run('tar', ['-xzf', packed.filename], { cwd: folder });
  await rename(join(folder, 'package'), join(packages, name));
  await writeFile(join(folder, 'package.json'), '{"name": "consumer", "type": "module"}\n');
}

/** Compiles programs with strict types in the folder of a consumer. */
async function expectCompiles(folder: string, sources: readonly { file: string; source: string }[]): Promise<void> {
  for (const { file, source } of sources) await writeFile(join(folder, `${file}.ts`), source);
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
    JSON.stringify({ compilerOptions: { ...options, ...strict }, files: sources.map(({ file }) => `${file}.ts`) }),
  );
  const compiled = await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: folder }).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(compiled.stdout).toBe('');
}

/** Compiles the programs of a page with strict types in the folder of a consumer, runs them, and compares what they print. */
async function expectExamples(folder: string, page: string, server: BuiltServer): Promise<void> {
  const programs = await examples(page);
  expect(programs.length).toBeGreaterThan(0);
  await expectCompiles(folder, programs);
  const env = { ...process.env, HEADGATE_URL: server.url, HEADGATE_TOKEN: server.token };
  const printed = await Promise.all(
    programs
      .filter(({ prints }) => prints !== undefined)
      .map(async ({ file, prints }) => ({ file, prints, ...(await run(process.execPath, [`${file}.js`], { cwd: folder, env })) })),
  );
  for (const { file, prints, stdout, stderr } of printed) expect({ file, stdout, stderr }).toEqual({ file, stdout: prints, stderr: '' });
}

let temp: Awaited<ReturnType<typeof tempFolder>>;
let server: BuiltServer;

beforeAll(async () => {
  temp = await tempFolder();
  server = await serve(join(temp.folder, 'data'));
}, 120_000);
afterAll(async () => {
  if (server) await endCommands(server, temp.folder);
  await server?.stop();
  await temp?.remove();
});

describe('{#client_package} the package', () => {
  let folder: string;

  beforeAll(async () => {
    folder = join(temp.folder, 'whole');
    // Its dependencies are those of this repository; the package itself is the one that would be published.
    const installed = (await readdir(join(ROOT, 'node_modules'))).filter((name) => !name.startsWith('.') && name !== 'headgate');
    await consumer(folder, ROOT, installed);
  }, 120_000);

  it('compiles the examples of its documentation with strict types of its own, and they print what is written there', async () => {
    await expectExamples(folder, 'docs/sdk.md', server);
  }, 180_000);

  it('compiles the examples in the comments of its declarations', async () => {
    const sources = await commentExamples(join(folder, 'node_modules/headgate/dist/src'));
    expect(sources.length).toBeGreaterThanOrEqual(8);
    await expectCompiles(
      folder,
      sources.map((source, index) => ({ file: `comment-${index + 1}`, source })),
    );
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

describe('{#client_package} @headgate/client', () => {
  const source = join(ROOT, 'dist/client-package');
  let folder: string;

  beforeAll(async () => {
    folder = join(temp.folder, 'client');
    const { dependencies } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
    // Neither the database nor Docker's client nor anything else of the server.
    expect(Object.keys(dependencies)).toEqual(['json-rpc-2.0', 'ws', 'zod']);
    await consumer(folder, source, [...Object.keys(dependencies), '@types', 'undici-types']);
  }, 120_000);

  it('is enough for a program in Node, whose types are checked strictly', async () => {
    await expectExamples(folder, 'clients/typescript/README.md', server);
  }, 180_000);

  it('bundled by vite, drives a command in a browser', async () => {
    const project = join(folder, 'project');
    await mkdir(project);
    const facts = { url: server.url, token: server.token, project };
    await writeFile(
      join(folder, 'page.js'),
      `import { browserWebSocket, connectRuntime } from '@headgate/client';
      export default async ({ url, token, project }) => {
        const runtime = await connectRuntime(() => browserWebSocket(url, token), { project: { name: 'page', root: project } });
        const { run } = await runtime.call('startRun', { model: 'scripted' });
        const { path } = await runtime.call('sh', { run, command: 'echo from the page; exit 4' });
        await runtime.call('run/resolve', { run, resolution: { path, action: 'accept' } });
        const output = runtime.follow(run, path);
        let text = '';
        for (let next = await output.next(); ; next = await output.next()) {
          if (next.done) return text.trim() + ', ' + next.value.exit_code;
          text += new TextDecoder().decode(next.value.bytes);
        }
      };\n`,
    );
    const built = await build({
      root: folder,
      logLevel: 'error',
      configFile: false,
      build: { write: false, target: 'es2022', lib: { entry: join(folder, 'page.js'), formats: ['iife'], name: 'drive' } },
    });
    const [bundle] = Array.isArray(built) ? built : [];
    const [chunk] = bundle?.output ?? [];
    const browser = await Browser.open();
    try {
      const { page } = await browser.page();
      // A page of the server's own origin: those of others are refused.
      await page.goto(`${server.http}/portal/`);
      expect(await page.evaluate(`${chunk?.code ?? ''}; drive(${JSON.stringify(facts)})`)).toBe('from the page, 4');
    } finally {
      await browser.close();
    }
  }, 120_000);
});
