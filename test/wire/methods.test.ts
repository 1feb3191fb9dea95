import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/core/errors.ts';
import { paramsOf } from '../../src/rpc/protocol/json-schema.ts';
import type { MethodDef } from '../../src/rpc/protocol/method.ts';
import { methods } from '../../src/rpc/protocol/table.ts';
import { type WireClient, WireError } from '../support/built-server.ts';
import { startServer, type WireServer } from '../support/server.ts';
import { sound } from '../support/sound-params.ts';

let server: WireServer;
let client: WireClient;
beforeAll(async () => {
  server = await startServer();
  client = await server.connect();
});
afterAll(async () => {
  await client.close();
  await server.close();
});

const table = Object.entries(methods as Record<string, MethodDef>);

async function errorOf(method: string, params: object): Promise<WireError> {
  const error = await client.call(method, params as Record<string, unknown>).then(
    () => undefined,
    (caught: unknown) => caught as WireError,
  );
  expect(error, `${method} ${JSON.stringify(params).slice(0, 100)} should have been refused`).toBeInstanceOf(WireError);
  return error!;
}

/** A value that no schema of the table takes in this place. */
function wrong(schema: Record<string, unknown>): unknown {
  return schema['type'] === 'boolean' ? 'no' : schema['type'] === 'object' ? 7 : { not: ['this'] };
}

describe('{#calls} {#models} {#runs} {#entries} {#streaming} every method of the table', () => {
  it.each(table)('%s names an unknown param', async (name, def) => {
    expect(await errorOf(name, { ...sound(def), surprise: 1 })).toMatchObject({
      code: -32602,
      data: { name: 'invalid_params', field: 'surprise' },
    });
  });

  it.each(table)('%s names every missing param', async (name, def) => {
    for (const param of paramsOf(def.params).filter(({ required }) => required)) {
      const { [param.name]: _, ...rest } = sound(def);
      const error = await errorOf(name, rest);
      expect(error).toMatchObject({ code: -32602, data: { field: param.name } });
      expect(error.message).toContain(param.name);
    }
  });

  it.each(table)('%s names every param of the wrong type', async (name, def) => {
    for (const param of paramsOf(def.params)) {
      for (const value of [wrong(param.schema), null]) {
        const { code, data } = await errorOf(name, { ...sound(def), [param.name]: value });
        expect(code, `${name} ${param.name}`).toBe(-32602);
        expect(String(data['field']).split('.')[0], `${name} ${param.name}`).toBe(param.name);
      }
    }
  });

  it.each(table)('%s bears huge and odd params', async (name, def) => {
    const huge = 'h'.repeat(2 * 1024 * 1024);
    for (const param of paramsOf(def.params)) {
      for (const value of [
        huge,
        Number.MAX_SAFE_INTEGER,
        -1,
        Array.from({ length: 10_000 }, () => 0),
        '\u0000',
        '../../etc/passwd',
        '💥'.repeat(100),
      ]) {
        const answer = await client.call(name, { ...sound(def), [param.name]: value }).catch((caught: unknown) => caught);
        if (!(answer instanceof WireError)) continue;
        expect(answer.data['name'], `${name} ${param.name} ${String(value).slice(0, 20)}: ${answer.message}`).not.toBe('internal');
        expect(answer.message.length).toBeLessThan(4000);
      }
    }
  });

  it.each(table.filter(([, def]) => def.init))('%s needs init', async (name, def) => {
    const fresh = await server.connect({ init: false });
    await expect(fresh.call(name, sound(def))).rejects.toMatchObject({ code: -32002, data: { name: 'not_initialized' } });
    await fresh.close();
  });

  it.each(table.filter(([, def]) => paramsOf(def.params).some(({ name }) => name === 'run')))(
    '%s answers a run that does not exist with not_found',
    async (name, def) => {
      const params = { ...sound(def), run: 'nope', ...(name === 'stream/subscribe' ? { path: 'log://turn_9/sh/none' } : {}) };
      expect(await errorOf(name, params)).toMatchObject({ code: -32004, data: { name: 'not_found' } });
    },
  );

  it('refuses with names, codes and statuses of the catalogue, and says what is wrong in a sentence', async () => {
    for (const [name, def] of table) {
      const { code, data, message } = await errorOf(name, { ...sound(def), surprise: 1 });
      const spec = ERRORS[data['name'] as keyof typeof ERRORS];
      expect({ code, status: data['status'] }).toEqual({ code: spec.code, status: spec.status });
      expect(message).toMatch(/\w+ \w+/);
    }
  });

  it('leaves the server whole', async () => {
    expect(await client.call('ping')).toMatchObject({ pong: true });
    const fresh = await server.connect();
    expect(await fresh.call('getRuns')).toBeInstanceOf(Array);
    await fresh.close();
    expect(server.parts.logged.filter(({ message }) => message === 'a call failed')).toEqual([]);
  });
});
