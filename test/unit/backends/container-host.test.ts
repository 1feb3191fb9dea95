import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultSockets, dockerHost } from '../../../src/backends/container/engine/docker-host.ts';
import { splitWords } from '../../../src/backends/container/image/split-words.ts';

describe('{#backend_container} where the engine is', () => {
  test('a host that is named wins over DOCKER_HOST, and that over the usual sockets', () => {
    const env = { DOCKER_HOST: 'unix:///env.sock' };
    expect(dockerHost({ host: 'unix:///asked.sock' }, env)).toMatchObject({ kind: 'unix', socket: '/asked.sock' });
    expect(dockerHost({}, env)).toMatchObject({ kind: 'unix', socket: '/env.sock' });
    expect(defaultSockets({ XDG_RUNTIME_DIR: '/run/user/7' })).toEqual([
      '/var/run/docker.sock',
      '/run/user/7/podman/podman.sock',
      '/run/podman/podman.sock',
    ]);
  });

  test('TCP and SSH addresses are taken apart', () => {
    expect(dockerHost({ host: 'tcp://[::1]:4000' }, {})).toMatchObject({ kind: 'tcp', host: '::1', port: 4000 });
    expect(dockerHost({ host: 'tcp://build' }, {})).toMatchObject({ kind: 'tcp', port: 2375 });
    expect(dockerHost({ host: 'ssh://me@build:2222' }, {})).toMatchObject({ kind: 'ssh', host: 'build', port: 2222, user: 'me' });
  });

  test('TLS takes the three files of a folder, and one that is missing is named', () => {
    const tls = mkdtempSync(join(tmpdir(), 'headgate-tls-'));
    try {
      for (const name of ['ca.pem', 'cert.pem']) writeFileSync(join(tls, name), name);
      expect(() => dockerHost({ host: 'tcp://build', tls }, {})).toThrow(/key\.pem/);
      writeFileSync(join(tls, 'key.pem'), 'key.pem');
      expect(dockerHost({ host: 'tcp://build', tls }, {})).toMatchObject({ port: 2376, tls: { ca: Buffer.from('ca.pem') } });
      expect(dockerHost({}, { DOCKER_HOST: 'tcp://build', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: tls })).toMatchObject({ port: 2376 });
    } finally {
      rmSync(tls, { recursive: true });
    }
  });

  test('what is no address is refused, without the password in it', () => {
    expect(() => dockerHost({ host: 'nonsense' }, {})).toThrow(/unix:\/\/\/path/);
    expect(() => dockerHost({ host: 'tcp://user:secret@build' }, {})).not.toThrow(/secret/);
    expect(() => dockerHost({ host: 'tcp://user:secret@build' }, {})).toThrow(/no engine/);
  });
});

describe('{#backend_container} a command for an image without a shell', () => {
  test.each([
    ['/bin/a  b\tc', ['/bin/a', 'b', 'c']],
    [`a 'b  c' "d \\"e\\"" f\\ g`, ['a', 'b  c', 'd "e"', 'f g']],
    [`a '' "" x'$y'`, ['a', '', '', 'x$y']],
  ])('%s is taken into words as by a shell', (command, words) => {
    expect(splitWords(command)).toEqual(words);
  });

  test.each(['a | b', 'a > f', 'a $X', 'a "$X"', 'a `b`', 'a *', "a 'b", ''])('%s is refused', (command) => {
    expect(() => splitWords(command)).toThrow(expect.objectContaining({ facts: { outcome: 'no_shell' } }));
  });
});
