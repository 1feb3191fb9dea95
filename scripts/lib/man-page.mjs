/**
 * The man page, from the commands as they are registered: what `--help` says of each, the exit codes, the environment.
 * Format: man(7).
 */

const GROUP = 'Server and project:';

/** Text as roff shows it: no escapes, no requests, hyphens that can be copied. */
const plain = (text) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
const bold = (text) => `\\fB${plain(text)}\\fR`;
const lines = (...all) => all.flat(Infinity).filter((line) => line !== '');

/**
 * @param {object} parts
 * @param {(out: (text: string) => void) => import('commander').Command} parts.tree makes the commands; their help goes to `out`
 * @param {string} parts.exitCodes the table of `--help`
 * @param {string} parts.version
 */
export function manPage({ tree, exitCodes, version }) {
  const printed = [];
  const program = tree((text) => printed.push(text));
  const help = program.createHelp();
  const visible = help.visibleCommands(program).filter((command) => command.name() !== 'help');
  const commands = visible.flatMap((command) => [command, ...help.visibleCommands(command).filter((one) => one.name() !== 'help')]);
  const shared = new Map(commands.flatMap((command) => command.options.filter(isShared).map((option) => [option.flags, option])));

  /** What stands in the help behind "Examples:". */
  const examplesOf = (command) => {
    printed.length = 0;
    command.outputHelp();
    const [, examples] = printed.join('').split('\nExamples:\n');
    return (examples ?? '').split('\n').flatMap((line) => (line.trim() === '' ? [] : [plain(line.trim())]));
  };
  const option = (one) => ['.TP', bold(one.flags), plain(help.optionDescription(one))];
  const section = (command) => {
    const own = help.visibleOptions(command).filter((one) => !isShared(one) && one.long !== '--help');
    const args = help.visibleArguments(command).filter((argument) => help.argumentDescription(argument) !== '');
    const examples = examplesOf(command);
    return [
      `.SS ${nameOf(command)} ${plain(command.usage())}`,
      `${plain(sentence(command.description()))}`,
      args.map((argument) => ['.TP', `\\fI${plain(argument.name())}\\fR`, plain(help.argumentDescription(argument))]),
      own.map(option),
      command.options.some(isShared) ? ['.PP', 'It also takes the options under SERVER AND PROJECT.'] : [],
      examples.length > 0 ? ['.PP', 'Examples:', '.PP', '.RS 4', '.EX', ...examples, '.EE', '.RE'] : [],
    ];
  };
  const codes = exitCodes
    .split('\n')
    .map((line) => /^ {2}(\S+)\s+(.*)$/.exec(line))
    .flatMap((match) => (match ? ['.TP', bold(match[1]), plain(match[2])] : []));

  const page = lines(
    '.\\" Made from the commands by npm run docs.',
    `.TH HEADGATE 1 "" "headgate ${plain(version)}" "Headgate"`,
    '.SH NAME',
    'headgate \\- JSON\\-RPC agent runtime',
    '.SH SYNOPSIS',
    '.B headgate',
    '.I command',
    '[options] [arguments]',
    '.SH DESCRIPTION',
    plain(program.description()),
    '.SH COMMANDS',
    commands.map(section),
    '.SH SERVER AND PROJECT',
    'Every command that asks a server takes these; without them it is the one that runs on the data folder.',
    [...shared.values()].map(option),
    '.SH EXIT STATUS',
    codes,
    '.SH ENVIRONMENT',
    ENVIRONMENT.map(([name, text]) => ['.TP', bold(name), plain(text)]),
    '.SH FILES',
    '.TP',
    '.I ~/.local/share/headgate',
    'The data folder: database, socket, token and output. With XDG_DATA_HOME it is the folder headgate in there.',
  );
  return `${page.join('\n')}\n`;
}

const ENVIRONMENT = [
  ['HEADGATE_DATA', 'The data folder.'],
  ['HEADGATE_URL, HEADGATE_TOKEN, HEADGATE_SOCKET', 'The server to reach, and its token.'],
  ['HEADGATE_CA, HEADGATE_CERT, HEADGATE_KEY', 'Files in PEM for servers that are reached with wss://.'],
  ['HEADGATE_MODEL', 'The model of new runs.'],
  ['NO_COLOR, FORCE_COLOR', 'No colours, and colours also where the output is no terminal; the first is the stronger.'],
];

const isShared = (option) => option.helpGroupHeading === GROUP;

function nameOf(command) {
  return command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
