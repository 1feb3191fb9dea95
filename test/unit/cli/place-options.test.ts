import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addPlaceOptions, type PlaceOptions, type PlaceParams, placeParams } from '../../../src/cli/place-options.ts';

/** What the server is asked for with these options. */
function place(...args: string[]): PlaceParams {
  const command = addPlaceOptions(new Command('x').argument('[words...]').passThroughOptions().exitOverride());
  command.configureOutput({ writeErr: () => {} });
  command.parse(args, { from: 'user' });
  return placeParams(command.opts<PlaceOptions>());
}

describe('{#cli_tty} the options that name a place', () => {
  it('ask for nothing when none is given', () => expect(place('--', 'ls')).toEqual({}));

  it.each<[string, PlaceParams]>([
    ['--backend pty', { backend: 'pty' }],
    ['--image debian:12', { container: { image: 'debian:12' } }],
    [
      '--image x --memory 512m --cpus 1.5 --pids 9 --network none --user me --name n --pull never --read-only',
      {
        container: {
          image: 'x',
          memory: 512 * 1024 * 1024,
          cpus: 1.5,
          pids: 9,
          network: 'none',
          user: 'me',
          name: 'n',
          pull: 'never',
          read_only: true,
        },
      },
    ],
    [
      '--image x --mount /a:/b --mount vol:/c:ro',
      {
        container: {
          image: 'x',
          mounts: [
            { source: '/a', target: '/b' },
            { source: 'vol', target: '/c', read_only: true },
          ],
        },
      },
    ],
    ['--container web --watch logs --docker unix:///s', { container: { container: 'web', watch: 'logs', host: 'unix:///s' } }],
    ['--host build', { ssh: { host: 'build' } }],
    ['--host me@10.0.0.7:2222 --jump a,b', { ssh: { host: '10.0.0.7', user: 'me', port: 2222, jump: ['a', 'b'] } }],
    ['--host [::1]:22', { ssh: { host: '::1', port: 22 } }],
    ['--host build --image x', { container: { image: 'x' }, ssh: { host: 'build' } }],
    ['--tmux', { tmux: {} }],
    ['--tmux work --tmux-socket s', { tmux: { session: 'work', socket: 's' } }],
    ['--pane %3 --history 10', { tmux: { pane: '%3', history: 10 } }],
    ['--sandbox workspace', { sandbox: { mode: 'workspace', network: false } }],
    ['--sandbox read-only --network', { sandbox: { mode: 'read-only', network: true } }],
  ])('%s', (args, params) => expect(place(...args.split(' '))).toEqual(params));

  it.each([
    ['--memory 1g', /--memory goes with --image or --container/],
    ['--jump a', /--jump goes with --host/],
    ['--known-hosts f', /--known-hosts goes with --host/],
    ['--history 3', /--history goes with --tmux or --pane/],
    ['--network', /--network goes with --sandbox/],
    ['--image x --network', /--network of a container has a name/],
    ['--sandbox workspace --network host', /the network or not/],
    ['--image x --memory lots', /such as 512m/],
    ['--image x --mount a:b', /the target absolute/],
    ['--image x --mount /a:/b:x', /SOURCE:TARGET:ro/],
    ['--host a:0', /\[user@\]host\[:port\]/],
    ['--host a:b:c', /an IPv6 address is in brackets/],
    ['--sandbox nothing', /Allowed choices are workspace, read-only/],
  ])('%s is refused with what is right', (args, message) => expect(() => place(...args.split(' '))).toThrow(message));
});
