import type { AgentPermission, AgentRequest, AgentState } from '../../model/agent-state.ts';

/** The state before an agent was started for the first time. */
export function newAgent(agent: string): AgentState {
  return {
    agent,
    path: null,
    startedFor: 0,
    applied: 0,
    written: 0,
    queue: [],
    lastId: 0,
    asked: {},
    loads: false,
    session: null,
    open: false,
    prompt: null,
    text: '',
    thought: '',
    calls: {},
    permissions: [],
  };
}

/** The state without its process: what is known of the session stays. */
export function withoutProcess({ agent, startedFor, lastId, loads, session, facts = {} }: AgentState): AgentState {
  return { ...newAgent(agent), startedFor, lastId, loads, session, facts };
}

function send(state: AgentState, message: object): AgentState {
  const text = `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
  return { ...state, queue: [...state.queue, { at: state.written, text }], written: state.written + Buffer.byteLength(text) };
}

/** Queues a request. */
export function request(state: AgentState, what: AgentRequest, method: string, params: object): AgentState {
  const id = state.lastId + 1;
  return { ...send(state, { id, method, params }), lastId: id, asked: { ...state.asked, [id]: what } };
}

/** Queues a notification. */
export function notify(state: AgentState, method: string, params: object): AgentState {
  return send(state, { method, params });
}

/** Queues the refusal of a request that Headgate does not serve. */
export function refuse(state: AgentState, id: string | number, method: string): AgentState {
  return send(state, { id, error: { code: -32601, message: `the client has no method ${method.slice(0, 80)}` } });
}

/** Queues the answer to a request for permission: the agent's own option for it, or `cancelled` where it offers none. */
export function permit(
  state: AgentState,
  { id, options }: Pick<AgentPermission, 'id' | 'options'>,
  answer: 'allow' | 'reject' | 'cancelled',
): AgentState {
  const find = (kind: string) => options.find((option) => option.kind === kind);
  const option = answer === 'cancelled' ? undefined : (find(`${answer}_once`) ?? find(`${answer}_always`));
  const outcome = option ? { outcome: 'selected', optionId: option.optionId } : { outcome: 'cancelled' };
  return { ...send(state, { id, result: { outcome } }), permissions: state.permissions.filter((one) => one.id !== id) };
}
