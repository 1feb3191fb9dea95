/** What a unit of systemd runs, and for whom. */
export interface Unit {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** User that a system service runs as; left out for one of the user's own manager. */
  readonly user?: string | undefined;
  /** Absolute data folder; left out: the state folder of the service, or the user's own. */
  readonly data?: string | undefined;
}

/**
 * The text of `headgate.service` (SPEC {#service}): only the server is ended with it, never its commands, and it is started again whenever it
 * ends by accident or hangs.
 */
export function unitText({ words, user, data }: Unit): string {
  const own = user === undefined;
  const folder = data === undefined ? (own ? [] : ['--data', '%S/headgate']) : ['--data', quoted(data)];
  return [
    '[Unit]',
    'Description=Headgate, a runtime for agents and their commands',
    ...(own ? [] : ['After=network.target']),
    '',
    '[Service]',
    'Type=notify',
    '# Notifications are sent by the program systemd-notify, a child of the server.',
    'NotifyAccess=all',
    `ExecStart=${[...words.map(quoted), ...folder].join(' ')}`,
    ...(own ? [] : [`User=${user}`, ...(data === undefined ? ['StateDirectory=headgate', 'StateDirectoryMode=0700'] : [])]),
    '# Keys of model providers, one NAME=VALUE a line; a file of mode 0600.',
    'EnvironmentFile=-%E/headgate/environment',
    '# Commands go on when the server ends, and the next start takes them up.',
    'KillMode=process',
    'OOMPolicy=continue',
    'Restart=on-failure',
    'RestartSec=1',
    'TimeoutStartSec=120',
    'WatchdogSec=60',
    '# Commands are tasks and hold files of this unit.',
    'TasksMax=infinity',
    'LimitNOFILE=65536',
    '',
    '[Install]',
    `WantedBy=${own ? 'default.target' : 'multi-user.target'}`,
    '',
  ].join('\n');
}

/** A word of a command line of systemd.service(5): nothing in it is replaced or divided. */
function quoted(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  if (/^[\w./:=@%+,$-]+$/.test(plain)) return plain;
  return `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
