import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer } from './openai-server.ts';
import { CODEX_ACP, OPENCODE } from './require.ts';

/** An agent of another make, with a scripted model at its end. */
export interface RealAgent {
  readonly name: 'codex-acp' | 'opencode';
  /** The program, with its arguments. */
  readonly command: readonly string[];
  /** The tool of the agent that runs a command, as its model calls it. */
  readonly call: (command: string) => { readonly name: string; readonly args: string };
  /** Writes its settings for a model at this address, and returns the variables that it needs. */
  readonly configure: (home: string, url: string) => Record<string, string>;
}

/** Lines of Codex's configuration for a scripted model at `url`. */
export function codexSettings(url: string, approval: 'never' | 'untrusted'): string[] {
  return [
    'model = "scripted"',
    'model_provider = "scripted"',
    `approval_policy = "${approval}"`,
    'sandbox_mode = "danger-full-access"',
    'check_for_update_on_startup = false',
    '[analytics]',
    'enabled = false',
    '[model_providers.scripted]',
    'name = "scripted"',
    `base_url = ${JSON.stringify(url)}`,
    'wire_api = "responses"',
    'request_max_retries = 0',
    'stream_max_retries = 0',
  ];
}

/** Agents of others that are installed for tests: codex-acp, whose commands' output comes in pieces, and opencode, whose is a text that grows. */
export const REAL_AGENTS: readonly RealAgent[] = [
  {
    name: 'codex-acp',
    command: [CODEX_ACP],
    call: (command) => ({ name: 'exec_command', args: JSON.stringify({ cmd: command, yield_time_ms: 20_000 }) }),
    configure: (home, url) => {
      writeFileSync(join(home, 'config.toml'), `${codexSettings(url, 'untrusted').join('\n')}\n`);
      return { CODEX_HOME: home };
    },
  },
  {
    name: 'opencode',
    command: [OPENCODE, 'acp'],
    call: (command) => ({ name: 'bash', args: JSON.stringify({ command, description: 'runs it' }) }),
    configure: (home, url) => {
      const file = join(home, 'opencode.json');
      const options = { baseURL: url, apiKey: 'none' };
      const settings = {
        model: 'scripted/m',
        small_model: 'scripted/m',
        provider: { scripted: { npm: '@ai-sdk/openai-compatible', options, models: { m: { name: 'm' } } } },
        permission: { bash: 'ask', edit: 'ask' },
        autoupdate: false,
        share: 'disabled',
      };
      writeFileSync(file, JSON.stringify(settings));
      return { OPENCODE_CONFIG: file, OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1' };
    },
  },
];

interface Said {
  readonly type?: string;
  readonly role?: string;
  readonly content?: unknown;
}

/** The texts of what was said, in both APIs' forms. */
function textOf({ content }: Said): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? '').join('') : '';
}

/** The model: `run COMMAND` is a call of the agent's tool, whose result ends the turn; anything else is said again. */
export function modelScript({ call }: Pick<RealAgent, 'call'>): (body: unknown) => Answer {
  return (body) => {
    const { input, messages, tools } = body as { input?: readonly Said[]; messages?: readonly Said[]; tools?: readonly unknown[] };
    const said = input ?? messages ?? [];
    const last = said.at(-1);
    if (!tools?.length) return { kind: 'say', text: 'a title' };
    if (last?.type === 'function_call_output' || last?.role === 'tool') return { kind: 'say', text: 'finished' };
    const prompt = textOf(said.findLast(({ role }) => role === 'user') ?? {});
    const command = /^run (.*)$/m.exec(prompt)?.[1];
    return command === undefined
      ? { kind: 'say', text: `heard: ${prompt}` }
      : { kind: 'say', calls: [{ id: `call_${said.length}`, ...call(command) }] };
  };
}

/** The agent as the configuration has it: with a home folder of its own, and a model at this address. */
export async function settingsOf(agent: RealAgent, home: string, url: string): Promise<{ command: string; args: string[] }> {
  await mkdir(home, { recursive: true });
  const own = agent.configure(home, url);
  // Whatever else it looks for in the network, it does not leave this machine.
  const env = { ...own, HOME: home, HTTPS_PROXY: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1' };
  return { command: '/usr/bin/env', args: [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...agent.command] };
}
