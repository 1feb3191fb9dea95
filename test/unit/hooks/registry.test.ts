import { describe, expect, it } from 'vitest';
import { type HookFailure, HookRegistry } from '../../../src/hooks/registry.ts';

const SCOPE = { projectId: 1, run: 'r1' };
const OFFER = { ...SCOPE, loop: 1, mode: 'act', settings: {} } as const;
const VERDICT = { ...SCOPE, path: 'log://turn_1/sh/x', tool: 'sh', input: {}, command: 'x', by: 'model' } as const;

function registry(limitMs = 5000) {
  const failures: HookFailure[] = [];
  return { hooks: new HookRegistry({ failed: (failure) => void failures.push(failure), limitMs }), failures };
}

describe('{#hooks} hooks', () => {
  it('are called by priority, then in order of registration', async () => {
    const { hooks } = registry();
    const add = (name: string) => (value: readonly string[]) => [...value, name];
    hooks.filter('b', 'tools.offered', add('second'));
    hooks.filter('c', 'tools.offered', add('third'));
    hooks.filter('a', 'tools.offered', add('first'), { priority: 1 });
    expect(await hooks.apply('tools.offered', [], OFFER)).toEqual(['first', 'second', 'third']);
  });

  it('pass a value on unchanged when a handler throws, rejects, or forgets to answer, and name the plugin', async () => {
    const { hooks, failures } = registry();
    hooks.filter('thrower', 'tools.offered', () => {
      throw new Error('no luck');
    });
    hooks.filter('rejecter', 'tools.offered', () => Promise.reject(new Error('later')));
    hooks.filter('forgetter', 'tools.offered', (() => undefined) as never);
    hooks.filter('good', 'tools.offered', (value) => [...value, 'ok']);
    expect(await hooks.apply('tools.offered', ['sh'], OFFER)).toEqual(['sh', 'ok']);
    expect(failures.map(({ plugin, hook }) => [plugin, hook])).toEqual([
      ['thrower', 'tools.offered'],
      ['rejecter', 'tools.offered'],
      ['forgetter', 'tools.offered'],
    ]);
    expect(failures[0]).toMatchObject({ message: 'no luck', projectId: 1, run: 'r1' });
  });

  it('do not wait for a handler that never answers', async () => {
    const { hooks, failures } = registry(5);
    hooks.filter('sleeper', 'tools.offered', () => new Promise(() => {}));
    expect(await hooks.apply('tools.offered', ['sh'], OFFER)).toEqual(['sh']);
    expect(failures[0]).toMatchObject({ plugin: 'sleeper', message: expect.stringContaining('5 ms') as string });
  });

  it('turn the verdict to ask when a handler fails, but leave a deny a deny', async () => {
    const failing = registry();
    failing.hooks.filter('p', 'proposal.verdict', () => {
      throw new Error('broken rule');
    });
    expect(await failing.hooks.apply('proposal.verdict', 'allow', VERDICT)).toBe('ask');
    expect(await failing.hooks.apply('proposal.verdict', 'deny', VERDICT)).toBe('deny');
    const odd = registry();
    odd.hooks.filter('p', 'proposal.verdict', () => 'maybe' as never);
    expect(await odd.hooks.apply('proposal.verdict', 'allow', VERDICT)).toBe('ask');
  });

  it('tell every handler of an event even when one throws or rejects', async () => {
    const { hooks, failures } = registry();
    const told: string[] = [];
    hooks.on('bad', 'run.created', () => {
      throw new Error('no');
    });
    hooks.on('worse', 'run.created', () => Promise.reject(new Error('never')));
    hooks.on('good', 'run.created', ({ run }) => void told.push(run));
    hooks.emit('run.created', { ...SCOPE, model: 'm' });
    expect(told).toEqual(['r1']);
    await Promise.resolve();
    expect(failures.map(({ plugin }) => plugin).sort()).toEqual(['bad', 'worse']);
  });

  it('end when their registration ends, and refuse names and kinds that do not exist', () => {
    const { hooks } = registry();
    const told: string[] = [];
    const end = hooks.on('p', 'run.created', ({ run }) => void told.push(run));
    end();
    hooks.emit('run.created', { ...SCOPE, model: 'm' });
    expect(told).toEqual([]);
    expect(() => hooks.on('p', 'run.exploded' as never, () => {})).toThrow('run.created');
    expect(() => hooks.on('p', 'tools.offered' as never, () => {})).toThrow('no event');
  });
});
