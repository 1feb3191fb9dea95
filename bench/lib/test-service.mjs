import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'rolldown';

const SERVICES = new URL('../../test/support/services/', import.meta.url);
const WORK = new URL('../.work/services/', import.meta.url);

/** The daemon that the tests start under that name, such as `sshd`: its module, made runnable for this Node. */
export async function testService(name) {
  const file = fileURLToPath(new URL(`${name}.mjs`, WORK));
  const isPackage = (id) => !id.startsWith('.') && !id.startsWith('/');
  await build({
    input: fileURLToPath(new URL(`${name}.ts`, SERVICES)),
    external: isPackage,
    platform: 'node',
    logLevel: 'warn',
    output: { file, format: 'esm', codeSplitting: false },
  });
  return await import(pathToFileURL(file).href);
}
