/** An MCP server's tools for tests, the same over standard input and over HTTP. */
import { appendFileSync } from 'node:fs';
import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** A server with tools; `notes` is a file that each call and each cancel is written to. */
export function testServer(notes) {
  const note = (line) => appendFileSync(notes, `${line}\n`);
  const text = (value) => ({ content: [{ type: 'text', text: value }] });
  const server = new McpServer({ name: 'test', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  server.registerTool(
    'Add-Numbers',
    {
      description: 'Adds two numbers.',
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      outputSchema: z.object({ sum: z.number() }),
      annotations: { readOnlyHint: true },
    },
    ({ a, b }) => {
      note('add');
      return { ...text(`${a + b}`), structuredContent: { sum: a + b } };
    },
  );
  server.registerTool('steps', { description: 'Counts.', inputSchema: z.object({ upTo: z.number() }) }, async ({ upTo }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (let step = 1; step <= upTo; step++) {
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress: step, total: upTo, message: `step ${step}` },
      });
    }
    return text('counted');
  });
  server.registerTool('hang', { description: 'Waits for its cancel.', inputSchema: z.object({}) }, async (_, { mcpReq }) => {
    const { promise, resolve } = Promise.withResolvers?.() ?? withResolvers();
    mcpReq.signal.addEventListener('abort', () => {
      note('cancelled');
      resolve();
    });
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken: mcpReq._meta?.progressToken, progress: 1 } });
    await promise;
    return text('never');
  });
  server.registerTool('fail', { description: 'Fails.', inputSchema: z.object({}) }, () => ({ ...text('no such branch'), isError: true }));
  server.registerTool('picture', { description: 'Draws.', inputSchema: z.object({}) }, () => ({
    content: [
      { type: 'text', text: 'here' },
      { type: 'image', mimeType: 'image/png', data: Buffer.from('12345').toString('base64') },
      { type: 'resource', resource: { uri: 'note://1', text: 'a note' } },
    ],
  }));
  server.registerTool('grow', { description: 'Adds a tool.', inputSchema: z.object({}) }, () => {
    server.registerTool('grown', { description: 'New.', inputSchema: z.object({}) }, () => text('grown'));
    return text('ok');
  });
  server.registerTool('crash', { description: 'Ends the server.', inputSchema: z.object({}) }, () => {
    note('crash');
    process.exit(3);
  });
  server.registerTool('surroundings', { description: 'Says what it was given.', inputSchema: z.object({}) }, () =>
    text(JSON.stringify({ cwd: process.cwd(), given: process.env['GIVEN'], passed: process.env['PASSED'], hidden: process.env['HIDDEN'] })),
  );
  return server;
}

function withResolvers() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
