import { HeadgateError, messageOf, systemCode } from '../../core/errors.ts';
import { fingerprint, type KeyVerdict, typeOfKey } from './known-hosts.ts';
import type { SshTarget } from './target.ts';

/** The named error for a host key that is not to be trusted; undefined for one that is. */
export function keyError(target: SshTarget, key: Buffer, verdict: KeyVerdict): HeadgateError | undefined {
  const { name, host, port } = target;
  const shown = fingerprint(key);
  const facts = { host: name, fingerprint: shown, key_type: typeOfKey(key) };
  const scan = port === 22 ? `ssh-keyscan ${host}` : `ssh-keyscan -p ${port} ${host}`;
  const file = target.knownHosts[0] ?? '~/.ssh/known_hosts';
  switch (verdict.state) {
    case 'known':
      return undefined;
    case 'unknown':
      return new HeadgateError(
        'forbidden',
        `the key of host ${name} is not known: ${typeOfKey(key)} ${shown}. Compare that with the host's own (ssh-keygen -lf on it), then run on the runner's machine: ${scan} >> ${file}`,
        { ...facts, outcome: 'host_key_unknown' },
      );
    case 'changed':
      return new HeadgateError(
        'forbidden',
        `THE KEY OF HOST ${name} HAS CHANGED to ${typeOfKey(key)} ${shown}: another machine may be in between, or the host was set up again. ${verdict.file}, line ${verdict.line}, has another one. Nothing was sent. Only when its administrator confirms the new key: ssh-keygen -R '${port === 22 ? host : `[${host}]:${port}`}' -f ${verdict.file}, then add the new one`,
        { ...facts, outcome: 'host_key_changed', file: verdict.file, line: verdict.line },
      );
    case 'revoked':
      return new HeadgateError(
        'forbidden',
        `THE KEY OF HOST ${name} IS REVOKED: ${typeOfKey(key)} ${shown}, by ${verdict.file}, line ${verdict.line}. Nothing was sent; ask its administrator`,
        { ...facts, outcome: 'host_key_revoked', file: verdict.file, line: verdict.line },
      );
  }
}

/** The named error for a connection that did not come about. */
export function connectError(target: SshTarget, error: unknown): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const { name, host, port, user } = target;
  const level = error instanceof Error && 'level' in error ? error.level : undefined;
  const code = systemCode(error);
  const facts = { host: name, port };
  const options = { cause: error };
  if (level === 'client-authentication') {
    const tried = target.agent === undefined ? 'there is no agent (SSH_AUTH_SOCK)' : 'the agent was asked too';
    return new HeadgateError(
      'forbidden',
      `host ${name} refuses ${user}: no key is accepted; ${tried}, and the key files ${target.identities.join(', ')}. Add the public key to its authorized_keys, or name another with identity or user`,
      { ...facts, outcome: 'auth_failed', user },
      options,
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new HeadgateError('not_found', `host ${host} has no address; look at its name`, { ...facts, outcome: 'host_unknown' }, options);
  }
  if (code === 'ECONNREFUSED') {
    return new HeadgateError(
      'conflict',
      `host ${name} refuses connections on port ${port}; is sshd running there?`,
      { ...facts, outcome: 'refused' },
      options,
    );
  }
  return new HeadgateError(
    'conflict',
    `host ${name} cannot be reached on port ${port} (${messageOf(error)}); look at the network, then try again`,
    { ...facts, outcome: 'unreachable' },
    options,
  );
}
