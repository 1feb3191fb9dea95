import { describe, expect, it } from 'vitest';
import { actionOf } from '../../../src/model/action.ts';
import { placeLine } from '../../../src/model/place-line.ts';

const at = (backend: string, spec: object = {}, runner = 'embedded', input: object = {}) =>
  placeLine(actionOf({ plan: { backend, runner, spec }, input }));

describe('{#cli_attach} {#proposals} where a proposed command would run', () => {
  it('is said for everything but a plain process of the server', () => {
    expect(at('process')).toBeUndefined();
    expect(placeLine(actionOf({}))).toBeUndefined();
    const sandbox = { mode: 'workspace', network: false };
    expect(at('process', { sandbox }, 'gpu')).toBe('sandbox workspace without network, runner gpu');
    const mounts = [
      { source: '/', target: '/host' },
      { source: '/srv', target: '/data', read_only: true },
    ];
    const container = { image: 'debian:12', mounts, network: 'host', host: 'tcp://build:2376' };
    expect(at('container', { container, ssh: { host: 'build', port: 22 }, tty: {} })).toBe(
      'container, image debian:12, network host, host tcp://build:2376, mount /:/host, mount /srv:/data:ro, host build, port 22, in a terminal',
    );
  });

  it('{#agent_actions} is the agent for what an agent of others does itself', () => {
    const plan = { backend: 'process', runner: 'client', spec: { cwd: '/srv/app' } };
    expect(placeLine(actionOf({ agent: 'codex', plan, input: {} }))).toBe('by codex');
    expect(placeLine(actionOf({ agent: 'codex', plan, input: { cwd: '/srv/app' } }))).toBe('folder /srv/app, by codex');
  });

  it('names keys and hosts on the way, and the tmux server', () => {
    const ssh = { host: 'build', identity: '/home/me/.ssh/other', known_hosts: '/tmp/theirs', jump: ['eve@a', 'b'] };
    expect(at('ssh', { ssh })).toBe('ssh, host build, identity /home/me/.ssh/other, known_hosts /tmp/theirs, through eve@a and b');
    expect(at('tmux', { tmux: { pane: '%3', socket: '/tmp/x' } })).toBe('tmux, pane %3, socket /tmp/x');
  });

  it('names the folder that was asked for, and the variables, which decide what a command line means', () => {
    expect(at('process', { cwd: '/p', env: {} })).toBeUndefined();
    expect(at('process', { cwd: '/p/sub', env: { LD_PRELOAD: '/tmp/x.so', A: 'b c' } }, 'embedded', { cwd: 'sub' })).toBe(
      "folder /p/sub, with LD_PRELOAD=/tmp/x.so A='b c'",
    );
    const many = Object.fromEntries(Array.from({ length: 18 }, (_, i) => [`V${i}`, 'x'.repeat(100)]));
    expect(at('process', { env: many })).toMatch(/^with V0=x{80}\.\.\. .* V15=x{80}\.\.\. and 2 more$/);
  });

  it('names how long the command may run without its server where that was asked for', () => {
    expect(at('process', {}, 'embedded', { lifetime: 'forever' })).toBe('lifetime forever');
    expect(at('process', { lifetime: 1000 })).toBeUndefined();
  });

  it('names the shell where that is another one', () => {
    expect(at('process', { shell: 'sh' })).toBeUndefined();
    expect(at('process', { shell: 'bash', tty: {} })).toBe('in bash, in a terminal');
    expect(at('process', { shell: 'login' })).toBe('in a login shell');
  });

  it('lets no value pass for several', () => {
    expect(at('container', { container: { image: 'x, network none' } })).toBe("container, image 'x, network none'");
  });
});
