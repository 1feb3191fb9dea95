import { html, nothing, type TemplateResult } from 'lit';
import type { Runtime } from '../../../src/rpc/client/index.ts';
import type { Item } from '../state/timeline.ts';
import { prose } from '../ui/prose.ts';
import './action.ts';
import './command.ts';
import { cutNote } from './cut-note.ts';
import { factsOf } from './facts.ts';
import './proposal.ts';

/** What an item needs to know of the run that it is in. */
export interface ItemContext {
  readonly runtime: Runtime;
  readonly run: string;
  /** Whether the item shows what is behind its line. */
  readonly open: boolean;
  /** Whether keys do not answer the proposal yet. */
  readonly guarded: boolean;
  readonly toggled: (open: boolean) => void;
}

/** What an item is for people who cannot see how it looks. */
export function itemLabel({ kind, entry }: Item): string {
  if (kind === 'prompt') return 'Prompt';
  if (kind === 'said') return 'The model says';
  if (kind === 'trouble') return 'Trouble';
  if (!entry) return '';
  const { summary } = factsOf(entry);
  return entry.status === 202 ? `Waits for an answer: ${summary}` : summary;
}

/** Draws one item of a run. */
export function itemView(item: Item, context: ItemContext): TemplateResult | typeof nothing {
  const { entry, kind } = item;
  if (!entry) return nothing;
  const { runtime, run, open, guarded, toggled } = context;
  switch (kind) {
    case 'prompt':
      return html`<div class="prompt">${prose(entry.body)}${cutNote(entry)}</div>`;
    case 'said':
      return html`${prose(entry.body)}${cutNote(entry)}`;
    case 'trouble':
      return html`<div class="trouble">${entry.body}</div>${cutNote(entry)}`;
    case 'action':
      break;
  }
  if (entry.status === 202)
    return html`<headgate-proposal .runtime=${runtime} .entry=${entry} run=${run} ?guarded=${guarded}></headgate-proposal>`;
  const facts = factsOf(entry);
  const onToggled = ({ detail }: CustomEvent<boolean>) => toggled(detail);
  // Its text is the model's words to people.
  if (facts.tool === 'update' && entry.status === 200) return prose(entry.body === '' ? facts.summary : entry.body);
  const ran = facts.command !== undefined && (facts.channels.length > 0 || entry.status === 102);
  return html`${
    ran
      ? html`<headgate-command .runtime=${runtime} .entry=${entry} run=${run} ?open=${open} @toggled=${onToggled}></headgate-command>`
      : html`<headgate-action .entry=${entry} ?open=${open} @toggled=${onToggled}></headgate-action>`
  }${answerLine(facts)}`;
}

/** Who answered, where somebody was asked. */
function answerLine({ answered }: ReturnType<typeof factsOf>): TemplateResult | typeof nothing {
  if (!answered || answered.by === 'policy') return nothing;
  const word = answered.action === 'accept' ? 'accepted' : answered.action === 'reject' ? 'rejected' : 'failed';
  return html`<p class="answer">${word} by ${answered.by}${answered.output === undefined ? nothing : html`: <span>${answered.output}</span>`}</p>`;
}
