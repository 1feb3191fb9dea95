import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { stringify } from 'yaml';
import { modelScript, REAL_AGENTS, settingsOf } from '../support/acp-agents.ts';
import { openAiServer } from '../support/openai-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { loopDriverContract } from './loop-driver.contract.ts';

const FAKE = fileURLToPath(new URL('../e2e/fixtures/fake-agent.mjs', import.meta.url));
/** Requests that a suite makes at most. */
const REQUESTS = 100;

async function configured(folder: string, agent: { command: string; args: string[] }): Promise<string> {
  const file = join(folder, 'config.yaml');
  await writeFile(file, stringify({ agents: { tested: agent } }));
  return file;
}

loopDriverContract('the built-in loop', () =>
  Promise.resolve({ begin: { model: 'scripted' }, run: (command: string) => `sh: ${command}`, say: (words: string) => words }),
);

loopDriverContract('an agent on the SDK', async (folder) => ({
  begin: { agent: 'tested' },
  config: await configured(folder, { command: process.execPath, args: [FAKE, folder] }),
  run: (command) => `ask ${command}`,
  say: (words) => `say ${words}`,
}));

// One of the two: opencode takes seconds to start, and each case starts it.
for (const agent of REAL_AGENTS.filter(({ name }) => name === 'codex-acp'))
  describe.skipIf(!serviceAvailable(agent.name))('an agent of others', () => {
    loopDriverContract(agent.name, async (folder) => {
      const model = await openAiServer();
      model.answer(...Array.from({ length: REQUESTS }, () => modelScript(agent)));
      const config = await configured(folder, await settingsOf(agent, join(folder, 'home'), model.url));
      return { begin: { agent: 'tested' }, config, run: (command) => `run ${command}`, say: (words) => words, close: () => model.close() };
    });
  });
