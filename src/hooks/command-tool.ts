import { z } from 'zod';
import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import { resolveLinks } from '../core/real-path.ts';
import { command, commandText, launchOf, type Shell, shell } from '../model/launch.ts';
import { LIFETIME_FORMS, lifetimeParam, parseLifetime } from '../model/lifetime.ts';
import { channelsOf, isLocal, type Place, placeOf, placeParams, watchesPane } from '../model/place.ts';
import { containedPath } from './contained-path.ts';
import type { CommandToolOptions, ProposedProducer, RefusalStatus, ToolDefinition, ToolOutcome } from './plugin.ts';
import { timeoutParam, yieldParam } from './time-params.ts';

const DEFAULT_YIELD_MS = 10_000;

/** Parameters of every tool that proposes a shell command. */
export const commandParams = z.strictObject({
  command: command.describe(
    'A POSIX shell command line; or an array, a program and its arguments, which is run without a shell, so that nothing in it needs quotes.',
  ),
  shell: shell.optional().describe('`bash` for a command line in its language; `login` also reads the profile of the user. Default: `sh`.'),
  cwd: z.string().min(1).max(4096).optional().describe('Working directory, relative to the project root and inside it. Default: the root.'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a variable name'), z.string().max(32 * 1024))
    .optional()
    .describe('Variables added to the environment.'),
  timeout_ms: timeoutParam('Milliseconds until the command is ended. Default: never.'),
  lifetime: lifetimeParam
    .optional()
    .describe(`How long it may run on when the server that runs it has gone: ${LIFETIME_FORMS}. Default: 24h.`),
  yield_ms: yieldParam('Milliseconds to wait for its end before you go on while it runs in the background. Default 10000.'),
  stdin: z.boolean().optional().describe('True: people can type into it. Default: it reads /dev/null.'),
  wake: z.boolean().optional().describe('True: when it ends in the background and you are done, you are asked again.'),
  ...placeParams,
});

/** A proposal to run a command, or the reason why it cannot be made. */
type CommandProposal =
  | (Extract<ToolOutcome, { kind: 'proposal' }> & { readonly producer: ProposedProducer })
  | Extract<ToolOutcome, { kind: 'refused' }>;

/**
 * A tool that proposes a shell command, as a process of this host or in another place (SPEC {#places}). A `cwd` outside the
 * project root is refused with 403; one that does not exist is left to the start (SPEC {#containment}).
 */
export function commandTool(options: CommandToolOptions): ToolDefinition<typeof commandParams> {
  return {
    name: options.name,
    doc: options.doc,
    params: commandParams,
    ...(options.modes ? { modes: options.modes } : {}),
    traits: ['proposes', ...(options.traits ?? [])],
    summary: (input) => firstLine(commandText(input.command)),
    handler: (input, call) => commandProposal(input, call.project.root, call.settings.shell),
  };
}

/** What a tool that proposes a command returns: looks at the disk, and starts nothing. `usual` is the shell of the run. */
export function commandProposal(input: z.output<typeof commandParams>, root: string, usual?: Shell): CommandProposal {
  let launch: ReturnType<typeof launchOf>;
  let place: Place;
  let cwd: string;
  try {
    launch = launchOf(input.command, input.shell, usual);
    place = placeOf(input);
    cwd = isLocal(place) ? containedPath(root, input.cwd ?? '.', 'cwd') : remotePath(input.cwd);
  } catch (error) {
    if (!(error instanceof HeadgateError)) throw error;
    return { kind: 'refused', status: error.data.status as RefusalStatus, body: error.message, outcome: error.kind };
  }
  const { backend, sandbox, ...parts } = place;
  return {
    kind: 'proposal',
    summary: firstLine(launch.command),
    yieldMs: input.yield_ms ?? DEFAULT_YIELD_MS,
    attributes: { command: launch.command, ...(input.wake ? { wake: true } : {}) },
    producer: {
      backend,
      runner: 'embedded',
      channels: channelsOf(place),
      spec: {
        ...launch,
        cwd,
        env: input.env ?? {},
        stdin: (input.stdin ?? false) || (place.tty !== undefined && !watchesPane(place)),
        ...parts,
        // The folder that is shown for a decision is the one that is written to, also when a link has been turned meanwhile.
        ...(sandbox ? { sandbox: { ...sandbox, root: resolveLinks(root) } } : {}),
        ...defined({ timeoutMs: input.timeout_ms }),
        ...lifetimeOf(input.lifetime),
      },
    },
  };
}

function lifetimeOf(text: string | undefined): Pick<ProposedProducer['spec'], 'lifetime'> {
  const lifetime = text === undefined ? undefined : parseLifetime(text);
  return lifetime === undefined ? {} : { lifetime };
}

/** A directory of a container or of another machine: absolute, or '' for the one that commands begin in there. */
function remotePath(cwd: string | undefined): string {
  if (cwd === undefined || cwd.startsWith('/')) return cwd ?? '';
  throw new HeadgateError(
    'invalid_params',
    `cwd "${cwd}" is relative, and there is no project on the other side; name an absolute directory`,
    {
      field: 'cwd',
    },
  );
}

function firstLine(command: string): string {
  const line = command.trim().split('\n', 1)[0] ?? '';
  const more = line.length < command.trim().length || line.length > 200;
  return `$ ${line.slice(0, 200)}${more ? ' ...' : ''}`;
}
