import { describe, expect, it } from 'vitest';
import { placeLine } from '../../../src/cli/place-line.ts';

describe('{#cli_attach} where a proposed command would run', () => {
  it('is said for everything but a plain process of the server', () => {
    expect(placeLine({ backend: 'process', runner: 'embedded', spec: {} })).toBeUndefined();
    expect(placeLine(undefined)).toBeUndefined();
    const sandbox = { mode: 'workspace', network: false };
    expect(placeLine({ backend: 'process', runner: 'gpu', spec: { sandbox } })).toBe('sandbox workspace without network, runner gpu');
    const mounts = [
      { source: '/', target: '/host' },
      { source: '/srv', target: '/data', read_only: true },
    ];
    const spec = { container: { image: 'debian:12', mounts, network: 'host' }, ssh: { host: 'build', port: 22 }, tty: {} };
    expect(placeLine({ backend: 'container', runner: 'embedded', spec })).toBe(
      'container, image debian:12, network host, mount /:/host, mount /srv:/data:ro, host build, port 22, in a terminal',
    );
  });

  it('shows no control character of a name', () => {
    expect(placeLine({ backend: 'container', spec: { container: { image: 'x\u001b[2J' } } })).not.toContain('\u001b');
  });
});
