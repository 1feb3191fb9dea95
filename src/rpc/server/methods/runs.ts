import { given } from '../../../core/given.ts';
import type { Call, Handlers } from '../handler.ts';
import type { Caller } from '../runtime-port.ts';

/** Rows of a listing when the client names no limit. */
const DEFAULT_ROWS = 100;

type RunMethod =
  | 'startRun'
  | 'agent/list'
  | 'ask'
  | 'act'
  | 'run/validate'
  | 'run/resolve'
  | 'run/abort'
  | 'run/rename'
  | 'run/inject'
  | 'run/config'
  | 'run/fork'
  | 'run/delete'
  | 'getRuns'
  | 'getRun'
  | 'getProposals'
  | 'getContext';

/** Runs, their loops and proposals (SPEC {#runs}). */
export const runHandlers: Handlers<RunMethod> = {
  startRun: async ({ projectRoot, ...params }, call) => {
    const { parts } = call;
    const caller = callerIn(call, projectRoot);
    if (params.persona !== undefined) await parts.runtime.skills.refresh('personas', caller.project.root);
    const run = parts.runtime.startRun(caller, given(params));
    return { run: run.alias, status: run.status, model: run.model, ...(projectRoot === undefined ? {} : { project: caller.project.name }) };
  },
  'agent/list': (_, { parts }) => parts.runtime.agents(),
  ask: ({ projectRoot, ...params }, call) => call.parts.runtime.prompt(callerIn(call, projectRoot), 'ask', given(params)),
  act: ({ projectRoot, ...params }, call) => call.parts.runtime.prompt(callerIn(call, projectRoot), 'act', given(params)),
  'run/validate': (params, { parts, caller }) => parts.runtime.validate(caller(), given(params)),
  'run/resolve': ({ run, resolution }, { parts, caller }) => parts.runtime.resolve(caller(), run, given(resolution)),
  'run/abort': ({ run }, { parts, caller }) => parts.runtime.abort(caller(), run),
  'run/rename': ({ run, name }, { parts, caller }) => parts.runtime.rename(caller(), run, name),
  'run/inject': ({ run, message }, { parts, caller }) => parts.runtime.inject(caller(), run, message),
  'run/config': async ({ run, ...change }, { parts, caller }) => {
    if (change.persona !== undefined) await parts.runtime.skills.refresh('personas', caller().project.root);
    return parts.runtime.configure(caller(), run, given(change));
  },
  'run/fork': ({ run, name }, { parts, caller }) => parts.runtime.fork(caller(), run, name),
  'run/delete': ({ run }, { parts, caller }) => {
    parts.runtime.remove(caller(), run);
    return { run, deleted: true };
  },
  getRuns: ({ limit, offset }, { parts, caller }) => parts.runtime.listRuns(caller().sight, limit ?? DEFAULT_ROWS, offset ?? 0),
  getRun: ({ run }, { parts, caller }) => parts.runtime.runInfo(caller().sight, run),
  getProposals: ({ run }, { parts, caller }) => parts.runtime.proposals(caller().sight, run),
  getContext: ({ run, ...part }, { parts, caller }) => parts.runtime.context(caller().sight, run, given(part)),
};

/** The caller, in the project of `projectRoot` where that is given and its token may (SPEC {#other_project}). Throws `forbidden`, `invalid_params`. */
function callerIn(call: Call, projectRoot: string | undefined): Caller {
  const caller = call.caller();
  if (projectRoot === undefined || projectRoot === caller.project.root) return caller;
  const { projects } = call.session;
  const known = projects.list().filter(({ root }) => root === projectRoot);
  const project = known.length === 1 && known[0] ? known[0] : projects.at(projectRoot);
  return { ...caller, project, sight: projects.sight(project) };
}
