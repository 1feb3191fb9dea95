import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Transport } from '@modelcontextprotocol/client';
import type { McpServerSettings } from '../../model/mcp-servers.ts';

/** Ends a program with its parent, however that ends; part of util-linux. */
const SETPRIV = '/usr/bin/setpriv';

/** What a transport says beside MCP messages. */
export interface TransportNotes {
  /** A line that a program wrote to its standard error. */
  said(line: string): void;
}

/**
 * A transport to an MCP server: a program of its own, or HTTP. `folder` is what a relative `cwd` begins at. Throws for a variable
 * that is not set.
 */
export async function openTransport(
  settings: McpServerSettings,
  folder: string,
  env: NodeJS.ProcessEnv,
  notes: TransportNotes,
): Promise<Transport> {
  const required = (name: string) => {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`the variable ${name} is not set; set it where the server is started`);
    return value;
  };
  if (settings.url !== undefined) {
    const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
    const headers = Object.fromEntries(Object.entries(settings.headersFrom ?? {}).map(([header, name]) => [header, required(name)]));
    return new StreamableHTTPClientTransport(new URL(settings.url), { requestInit: { headers } });
  }
  const { getDefaultEnvironment, StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
  const passed = Object.fromEntries((settings.envFrom ?? []).map((name) => [name, required(name)]));
  const command = settings.command ?? '';
  const args = settings.args ?? [];
  const bound = existsSync(SETPRIV);
  const transport = new StdioClientTransport({
    command: bound ? SETPRIV : command,
    args: bound ? ['--pdeathsig', 'TERM', '--', command, ...args] : args,
    cwd: resolve(folder, settings.cwd ?? '.'),
    env: { ...getDefaultEnvironment(), ...passed, ...settings.env },
    stderr: 'pipe',
  });
  let rest = '';
  transport.stderr?.on('data', (data: Buffer) => {
    const lines = `${rest}${data.toString('utf8')}`.split('\n');
    rest = (lines.pop() ?? '').slice(-1000);
    for (const line of lines) notes.said(line.slice(0, 1000));
  });
  return transport;
}
