import type {
  CreateElicitationRequest,
  CreateElicitationResponse,
  PermissionOption,
  RequestPermissionOutcome,
} from '@agentclientprotocol/sdk';
import { visibleLine } from '../core/visible-text.ts';
import type { Question } from '../rpc/client/index.ts';
import type { Answer } from './permission.ts';

type Facts = Readonly<Record<string, unknown>>;

/** The question as a form: a choice where there are options, and a text for every other answer. */
export function questionForm({ text, options }: Question, sessionId: string, toolCallId: string): CreateElicitationRequest {
  const choice = {
    type: 'string' as const,
    title: 'Choose',
    oneOf: options.map((option) => ({ const: option, title: visibleLine(option) })),
  };
  const free = { type: 'string' as const, title: options.length > 0 ? 'Or another answer' : 'Answer' };
  return {
    mode: 'form',
    sessionId,
    toolCallId,
    message: text,
    requestedSchema: {
      type: 'object',
      properties: options.length > 0 ? { choice, answer: free } : { answer: { ...free, minLength: 1 } },
      required: options.length > 0 ? [] : ['answer'],
    },
  };
}

/** The answer that a form brought; undefined: it was dismissed, and the question waits on. */
export function formAnswer(response: CreateElicitationResponse): Answer | undefined {
  if (response.action === 'decline') return { action: 'reject' };
  if (response.action !== 'accept') return undefined;
  const content = (response as { content?: Facts | null }).content ?? {};
  const output = [content['answer'], content['choice']].find((value) => typeof value === 'string' && value !== '');
  return typeof output === 'string' ? { action: 'accept', output } : undefined;
}

/** The question's options for an editor without forms: choosing one is the answer. */
export function questionOptions({ options }: Question): PermissionOption[] {
  const choices = options.map((option, index) => ({ optionId: `answer_${index}`, kind: 'allow_once' as const, name: visibleLine(option) }));
  return [...choices, { optionId: 'reject_once', kind: 'reject_once', name: 'Do not answer' }];
}

/** What was chosen; undefined: the request was dismissed, and the question waits on. */
export function chosenAnswer({ options }: Question, outcome: RequestPermissionOutcome): Answer | undefined {
  if (outcome.outcome !== 'selected') return undefined;
  const output = options[Number(/^answer_(\d+)$/.exec(outcome.optionId)?.[1] ?? -1)];
  if (output !== undefined) return { action: 'accept', output };
  return outcome.optionId === 'reject_once' ? { action: 'reject' } : undefined;
}
