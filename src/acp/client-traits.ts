import { type InitializeRequest, type InitializeResponse, PROTOCOL_VERSION } from '@agentclientprotocol/sdk';

/** What the editor at the other end can show. */
export interface ClientTraits {
  /** The name that other clients see, for example `acp:zed`. */
  readonly name: string;
  /** It draws terminals from `_meta.terminal_info`, `terminal_output` and `terminal_exit`. */
  readonly terminals: boolean;
  /** It can ask its user for a text. */
  readonly forms: boolean;
  readonly notices: boolean;
}

/** Characters of a client's name that the server takes. */
const NAME_CHARS = 60;

/** Reads `initialize`; an editor that never sent it can do nothing special. */
export function traitsOf(params: InitializeRequest | undefined): ClientTraits {
  const { clientCapabilities: can, clientInfo } = params ?? {};
  return {
    name: `acp:${clientInfo?.name ?? 'editor'}`.slice(0, NAME_CHARS),
    terminals: can?._meta?.['terminal_output'] === true,
    forms: Boolean(can?.elicitation?.form),
    notices: Boolean(can?.session?.notices),
  };
}

/** What this agent can do (SPEC {#acp_initialize}). */
export function capabilities(version: string): InitializeResponse {
  return {
    protocolVersion: PROTOCOL_VERSION,
    agentInfo: { name: 'headgate', title: 'Headgate', version },
    agentCapabilities: {
      loadSession: true,
      promptCapabilities: { image: false, audio: false, embeddedContext: true },
      mcpCapabilities: { http: false, sse: false },
      sessionCapabilities: { list: {}, resume: {}, close: {} },
    },
    // The server is reached with a socket or a token that the command line names; there is nothing to log in to.
    authMethods: [],
  };
}
