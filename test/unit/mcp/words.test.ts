import { expect, it } from 'vitest';
import { inTools } from '../../../src/mcp/words.ts';
import { methods } from '../../../src/rpc/protocol/table.ts';

it('{#mcp_errors} a message of the server names tools, or commands that a person types, in place of methods', () => {
  expect(inTools('log://turn_0/sh/x has ended (200); read it with stream/read')).toBe(
    'log://turn_0/sh/x has ended (200); read it with get',
  );
  expect(inTools('no run "x" in this project; getRuns lists them, startRun opens one')).toBe(
    'no run "x" in this project; list lists them, sh opens one',
  );
  expect(inTools('this is not allowed; policy/list shows the rules')).toBe('this is not allowed; headgate policy list shows the rules');
  expect(inTools('log://turn_0/stream/read is no folder')).toBe('log://turn_0/stream/read is no folder');
  for (const name of Object.keys(methods).filter((one) => /^[a-z]+(\/|[A-Z])/.test(one))) {
    const words = inTools(`first ${name} is called`);
    if (!words.includes('headgate rpc ')) expect(words).not.toContain(name);
  }
});
