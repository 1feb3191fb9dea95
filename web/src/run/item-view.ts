import { html, nothing, type TemplateResult } from 'lit';
import { visible } from '../../../src/core/visible-text.ts';
import { type Item, isOver, type Runtime, type Step } from '../../../src/rpc/client/index.ts';
import { prose } from '../ui/prose.ts';
import './action.ts';
import './command.ts';
import { cutNote } from './cut-note.ts';
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
export function itemLabel(item: Item): string {
  switch (item.kind) {
    case 'prompt':
      return 'Prompt';
    case 'words':
      return 'The model says';
    case 'trouble':
      return 'Trouble';
    case 'notice':
      return 'Notice';
    case 'step':
      return `${item.state === 'proposed' ? 'Waits for an answer: ' : ''}${visible(item.action.summary ?? item.title)}`;
  }
}

/** Draws one item of a run. */
export function itemView(item: Item, context: ItemContext): TemplateResult | typeof nothing {
  switch (item.kind) {
    case 'prompt':
      return html`<div class="prompt">${prose(item.text)}${cutNote(item)}</div>`;
    case 'words':
      return html`${prose(item.text)}${cutNote(item)}`;
    case 'trouble':
      return html`<div class="trouble">${item.text}</div>${cutNote(item)}`;
    case 'notice':
      return html`<p class="notice ${item.level}">${visible(item.text)}</p>`;
    case 'step':
      return stepView(item, context);
  }
}

function stepView(step: Step, { runtime, run, open, guarded, toggled }: ItemContext): TemplateResult | typeof nothing {
  if (step.state === 'proposed')
    return html`<headgate-proposal .runtime=${runtime} .step=${step} run=${run} ?guarded=${guarded}></headgate-proposal>`;
  const onToggled = ({ detail }: CustomEvent<boolean>) => toggled(detail);
  // Its text is the model's words to people.
  if (step.tool === 'update' && step.status === 200) return prose(step.text === '' ? visible(step.title) : step.text);
  const ran = step.action.command !== undefined && (step.channels.length > 0 || !isOver(step));
  return html`${
    ran
      ? html`<headgate-command .runtime=${runtime} .step=${step} run=${run} ?open=${open} @toggled=${onToggled}></headgate-command>`
      : html`<headgate-action .step=${step} ?open=${open} @toggled=${onToggled}></headgate-action>`
  }${answerLine(step)}`;
}

/** Who answered, where a person was asked. */
function answerLine({ action: { resolution } }: Step): TemplateResult | typeof nothing {
  if (!resolution || resolution.by === 'policy') return nothing;
  const { action, by, output } = resolution;
  const word = action === 'accept' ? 'accepted' : action === 'reject' ? 'rejected' : 'failed';
  return html`<p class="answer">${word} by ${by}${output === undefined ? nothing : html`: <span>${output}</span>`}</p>`;
}
