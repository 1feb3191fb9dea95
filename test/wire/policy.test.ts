import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WireClient } from '../support/built-server.ts';
import { startHeadgate } from '../support/server.ts';

let headgate: Awaited<ReturnType<typeof startHeadgate>>;
let admin: WireClient;
const others: WireClient[] = [];
beforeEach(async () => {
  headgate = await startHeadgate();
  admin = await headgate.connect();
});
afterEach(async () => {
  await Promise.all([admin, ...others.splice(0)].map((one) => one.close()));
  await headgate.close();
});

/** A client with a token of this scope. */
async function client(scope: 'read' | 'run' | 'admin' | 'runner', init = true): Promise<WireClient> {
  const { token } = await admin.call<{ token: string }>('token/add', { name: `a-${scope}`, scope });
  const wire = await WireClient.connect({ ...headgate.server, token }, init ? headgate.root : undefined);
  others.push(wire);
  return wire;
}

const refused = (scope: string) => ({ code: -32003, data: { name: 'forbidden', scope } });
const rules = async (wire: WireClient) => (await wire.call<{ rules: { rule: string; decision: string }[] }>('policy/list', {})).rules;

describe('{#policy_methods} who may do what with rules', () => {
  it.each(['read', 'run'] as const)('scope %s looks and checks, and neither adds nor removes', async (scope) => {
    const { id } = await admin.call<{ id: number }>('policy/add', { decision: 'deny', rule: 'sh(rm *)' });
    const wire = await client(scope);
    await expect(wire.call('policy/add', { decision: 'allow', rule: 'sh' })).rejects.toMatchObject(refused('admin'));
    await expect(wire.call('policy/remove', { id })).rejects.toMatchObject(refused('admin'));
    expect(await rules(wire)).toMatchObject([{ id, decision: 'deny', rule: 'sh(rm *)' }]);
    expect(await wire.call('policy/check', { tool: 'sh', command: 'ls; rm x' })).toMatchObject({
      decision: 'deny',
      by: 'rule',
      rule: 'deny sh(rm *)',
    });
    expect(await wire.call('policy/check', { tool: 'env', command: 'git -c core.pager=make log' })).toMatchObject({
      decision: 'ask',
      remember: [],
    });
    expect(await rules(admin)).toHaveLength(1);
  });

  it('scope runner, and who has not called init, does none of it', async () => {
    for (const scope of ['runner', 'admin'] as const) {
      const wire = await client(scope, false);
      if (scope === 'runner')
        await expect(wire.call('init', { name: 'x', projectRoot: headgate.root })).rejects.toMatchObject({ data: { name: 'forbidden' } });
      for (const [method, params] of Object.entries({
        'policy/list': {},
        'policy/check': { tool: 'sh', command: 'ls' },
        'policy/add': { decision: 'allow', rule: 'sh' },
        'policy/remove': { id: 1 },
      })) {
        await expect(wire.call(method, params), `${method} by ${scope}`).rejects.toMatchObject({
          data: { name: 'not_initialized' },
        });
      }
    }
    expect(await rules(admin)).toEqual([]);
  });

  it('scope run remembers what a proposal shows, and nothing that the answer would make up', async () => {
    const wire = await client('run');
    const { run } = await wire.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await wire.call<{ path: string }>('sh', { run, command: 'true && make check' });
    const answer = { path, action: 'reject', remember: true };
    await expect(wire.call('run/resolve', { run, resolution: { ...answer, rule: 'sh' } })).rejects.toMatchObject({
      data: { name: 'invalid_params' },
    });
    const looking = await client('read');
    await expect(looking.call('run/resolve', { run, resolution: answer })).rejects.toMatchObject(refused('run'));
    expect(await rules(wire)).toEqual([]);
    expect(await wire.call('run/resolve', { run, resolution: answer })).toMatchObject({ remembered: ['sh(true && make check)'] });
    expect(await rules(looking)).toMatchObject([{ decision: 'deny', rule: 'sh(true && make check)' }]);
  });
});
