import { css, html, type TemplateResult } from 'lit';
import { isOver, type Step } from '../../../src/rpc/client/index.ts';
import { type StatusWord, statusWord } from './words.ts';

export const statusStyles = css`
  .status {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    white-space: nowrap;
    font-size: 12.5px;
  }
  .dot {
    flex: none;
    width: 8px;
    height: 8px;
    border-radius: 50%;
    background: var(--line-strong);
  }
  .dot.live {
    background: var(--accent);
    animation: breathe 1.6s ease-in-out infinite;
  }
  .dot.wait {
    background: var(--amber);
  }
  .dot.good {
    background: var(--green);
  }
  .dot.bad {
    background: var(--red);
  }
  .dot.stopped {
    background: var(--dim);
  }
  .status.wait {
    color: var(--amber);
  }
  .status.bad {
    color: var(--red);
  }
  .status.live {
    color: var(--accent);
  }
  .status.good,
  .status.stopped,
  .status.idle {
    color: var(--dim);
  }
  @keyframes breathe {
    50% {
      opacity: 0.35;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    .dot.live {
      animation: none;
    }
  }
`;

/** A dot and a word for how a step stands; the colour alone says nothing that the word does not. */
export function statusBadge(step: Step): TemplateResult {
  const { state, status, outcome, exitCode, signal } = step;
  if (isOver(step)) return badge(statusWord({ status, outcome, exit_code: exitCode, signal }));
  return badge(statusWord({ status: state === 'queued' ? 100 : state === 'proposed' ? 202 : 102 }));
}

export function badge({ word, tone }: StatusWord): TemplateResult {
  return html`<span class="status ${tone}"><span class="dot ${tone}" aria-hidden="true"></span>${word}</span>`;
}
