import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Writes files below a folder, by their relative paths; folders are made. */
export async function writeFiles(root: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

/** A folder with a project in it and room beside it. */
export async function tempProject(files: Readonly<Record<string, string | Buffer>> = {}) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'headgate-files-')));
  const root = join(folder, 'project');
  await mkdir(root);
  await writeFiles(root, files);
  return { folder, root, remove: () => rm(folder, { recursive: true, force: true }) };
}
