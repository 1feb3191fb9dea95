/** A line for the agent, and where it begins in the agent's input. */
export interface QueuedLine {
  readonly at: number;
  readonly text: string;
}

/** What a request to the agent was for. */
export type AgentRequest = 'initialize' | 'open' | 'prompt';

/** A tool call of the agent, by its log entry. */
export interface AgentCall {
  readonly path: string;
  /** Bytes of its output that are stored. */
  readonly bytes: number;
  /** The text that it was shown as last: SHA-256 and length, for output that is sent as a text that grows. */
  readonly text?: { readonly digest: string; readonly chars: number };
}

/** A request for permission that the agent waits for. */
export interface AgentPermission {
  readonly path: string;
  /** The agent's id of its request. */
  readonly id: string | number;
  readonly options: readonly { readonly optionId: string; readonly kind: string; readonly name: string }[];
}

/** What an agent says of its session (SPEC {#agent_facts}). */
export interface AgentFacts {
  readonly title?: string;
  /** Tokens of its model's context: those that are taken, and those that there are. */
  readonly context?: { readonly used: number; readonly size: number };
}

/** The prompt that the agent works on. */
export interface AgentPrompt {
  readonly loopId: number;
  /** The turn that it is in: what it says, and its actions until it says something again. */
  readonly turnId: number;
  /** Number of the turn. */
  readonly turn: number;
}

/**
 * What is known of the agent that drives a run, stored in the transaction that applies its lines (SPEC {#agent_lines}): after a crash
 * the next server goes on at `applied`, sends what is queued where it is missing, and does nothing twice.
 */
export interface AgentState {
  readonly agent: string;
  /** Log entry of its process; null before the first. */
  readonly path: string | null;
  /** The loop that its process was started for. */
  readonly startedFor: number;
  /** Every line that ends before this byte of its output is applied. */
  readonly applied: number;
  /** Where the next line begins in its input. */
  readonly written: number;
  /** Lines that it may not have yet, in order. */
  readonly queue: readonly QueuedLine[];
  readonly lastId: number;
  /** Requests that it has not answered, by id. */
  readonly asked: Readonly<Record<string, AgentRequest>>;
  /** It can go on with a session of an earlier process. */
  readonly loads: boolean;
  readonly session: string | null;
  /** The session is open in this process. */
  readonly open: boolean;
  readonly prompt: AgentPrompt | null;
  /** It has said something in this turn that is stored. */
  readonly spoken?: boolean;
  /** Log entry of the prompt's plan. */
  readonly plan?: string | undefined;
  readonly facts?: AgentFacts;
  /** What it has said since the last action. */
  readonly text: string;
  readonly thought: string;
  readonly calls: Readonly<Record<string, AgentCall>>;
  readonly permissions: readonly AgentPermission[];
  /** `session/cancel` was sent for this prompt. */
  readonly cancelled?: true;
}

/** An agent as the configuration has it (SPEC {#agents}). */
export interface AgentSettings {
  readonly command: string;
  readonly args: readonly string[];
  /** Variables of the server that it gets although commands do not. */
  readonly envFrom: readonly string[];
  /** How long it may take to open a session (milliseconds). */
  readonly startMs: number;
}
