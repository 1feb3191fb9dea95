import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { systemCode } from '../core/errors.ts';
import { readSmallFile } from '../core/small-file.ts';

/** Bytes of a package.json beyond which it is not read. */
const MAX_PACKAGE_BYTES = 1024 * 1024;

/** The module that a plugin's name or path stands for, as a file URL. Throws if it does not exist. */
export function pluginUrl(specifier: string, folder: string): string {
  if (specifier.startsWith('.') || isAbsolute(specifier)) return pathToFileURL(resolve(folder, specifier)).href;
  try {
    return pathToFileURL(createRequire(join(folder, 'headgate')).resolve(specifier)).href;
  } catch (error) {
    // A package that exports itself to `import` alone cannot be resolved the way of `require`.
    if (systemCode(error) !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
    return importOnly(specifier, folder);
  }
}

function importOnly(name: string, folder: string): string {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const file = join(at, 'node_modules', name, 'package.json');
    const target = mainOf(file);
    if (target !== undefined) return pathToFileURL(join(dirname(file), target)).href;
    if (dirname(at) === at) throw new Error(`package "${name}" exports no main module`);
  }
}

function mainOf(packageFile: string): string | undefined {
  let exported: unknown;
  try {
    exported = (JSON.parse(readSmallFile(packageFile, MAX_PACKAGE_BYTES, { links: true })) as { exports?: unknown }).exports;
  } catch {
    return undefined;
  }
  for (const key of ['.', 'node', 'import', 'default']) {
    if (typeof exported === 'object' && exported !== null && key in exported) exported = (exported as Record<string, unknown>)[key];
  }
  return typeof exported === 'string' ? exported : undefined;
}
