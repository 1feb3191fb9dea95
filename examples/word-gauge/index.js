import { readFile, realpath } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';

/** Counts the words of files of the project. Nothing is imported from Headgate: all that a plugin needs is handed to `setup`. */
export default {
  name: 'word-gauge',
  setup({ tool, producer, filter, method, z }) {
    // Runs in the server once a proposal of it was accepted. Each write resolves when it is stored.
    producer({
      kind: 'word_gauge',
      channels: { 1: 'counts', 2: 'notes', 3: 'total' },
      async start({ files }, { write, signal, project }) {
        let total = 0;
        let missing = 0;
        for (const file of files) {
          signal.throwIfAborted();
          const text = await textOf(project.root, file);
          if (text === undefined) {
            missing++;
            await write(2, `${file}: there is no such file in the project\n`);
            continue;
          }
          const words = wordsOf(text).length;
          total += words;
          await write(1, `${words} ${file}\n`);
        }
        await write(3, `${JSON.stringify({ words: total, files: files.length - missing })}\n`);
        return missing === 0 ? { body: `${total} words` } : { exitCode: 1, outcome: 'missing', body: `${missing} files are not there` };
      },
    });

    // What a model sees and calls.
    tool({
      name: 'word_gauge',
      doc: 'Counts the words of files.\n\n```json\n{"files": ["README.md"]}\n```\n',
      params: z.strictObject({ files: z.array(z.string().min(1).max(4096)).min(1).max(100) }),
      traits: ['proposes', 'repo'],
      summary: ({ files }) => `count the words of ${files.join(', ')}`,
      handler: ({ files }) => ({
        kind: 'proposal',
        summary: `count the words of ${files.join(', ')}`,
        subject: files.join(' '),
        yieldMs: 10_000,
        producer: { backend: 'word_gauge', runner: 'server', spec: { input: { files }, timeoutMs: 60_000 } },
      }),
    });

    // It only looks, so nobody is asked; what somebody has denied stays denied.
    filter('proposal.verdict', (verdict, { tool: name }) => (name === 'word_gauge' && verdict === 'ask' ? 'allow' : verdict));

    // headgate rpc word-gauge/count '{"run": "notes", "path": "known://plan"}'
    method({
      name: 'count',
      description: 'Counts the words of an entry of a run.',
      params: z.strictObject({ run: z.string(), path: z.string() }),
      result: z.strictObject({ words: z.int() }),
      scope: 'read',
      handler({ run, path }, { entries }) {
        const entry = entries(run).get(path);
        if (!entry) throw { kind: 'not_found', message: `there is no ${path} in run ${run}` };
        return { words: wordsOf(entry.body).length };
      },
    });
  },
};

function wordsOf(text) {
  return text.split(/\s+/).filter(Boolean);
}

/** The text of a file inside the project; undefined when there is none. */
async function textOf(root, file) {
  try {
    const base = await realpath(root);
    const path = await realpath(resolve(base, file));
    const way = relative(base, path);
    return way === '..' || way.startsWith(`..${sep}`) ? undefined : await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}
