import { css } from 'lit';

/** The look of the viewer around its lines. */
export const outputStyle = css`
  :host {
    display: block;
    background: var(--ground);
    color: var(--ink);
    font-size: 13px;
    line-height: 20px;
  }
  :host([fill]) {
    height: 100%;
  }
  :host([fill]) .whole {
    height: 100%;
  }
  .whole {
    display: flex;
    flex-direction: column;
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 6px;
    padding: 5px 8px;
    border-bottom: 1px solid var(--line);
  }
  .bar.search {
    background: var(--hit);
  }
  .grow {
    flex: 1;
  }
  .state {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    white-space: nowrap;
    font-variant-numeric: tabular-nums;
    color: var(--faint);
  }
  .dot {
    width: 8px;
    height: 8px;
    border-radius: 50%;
    background: var(--faint);
  }
  .running .dot {
    background: var(--accent);
    animation: pulse 1.6s ease-in-out infinite;
  }
  .good .dot {
    background: var(--good);
  }
  .bad .dot {
    background: var(--bad);
  }
  .bad .how {
    color: var(--bad);
  }
  .badge {
    padding: 0 8px;
    border-radius: 99px;
    font-size: 12px;
    color: var(--warn);
    border: 1px solid currentColor;
  }
  @keyframes pulse {
    50% {
      opacity: 0.35;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    .running .dot {
      animation: none;
    }
  }
  button,
  input {
    font: inherit;
    color: inherit;
    background: transparent;
    border: 1px solid transparent;
    border-radius: 5px;
    padding: 1px 8px;
    min-height: 24px;
    box-sizing: border-box;
  }
  button {
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    background: color-mix(in srgb, currentColor 9%, transparent);
  }
  button:disabled {
    opacity: 0.45;
    cursor: default;
  }
  button[aria-pressed='true'],
  button.do {
    border-color: var(--line);
    background: var(--chosen);
  }
  :is(button, input, select):focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 1px;
  }
  input[type='text'],
  input[type='search'],
  input[type='password'] {
    background: var(--ground);
    border-color: var(--line);
    min-width: 8rem;
    flex: 1 1 12rem;
    font-family: var(--mono);
    font-size: 12px;
  }
  label {
    display: inline-flex;
    align-items: center;
    gap: 4px;
    color: var(--faint);
  }
  .size {
    color: var(--faint);
    font-size: 12px;
    font-variant-numeric: tabular-nums;
  }
  .panes {
    display: flex;
    flex-direction: column;
    min-height: 0;
    flex: 1 1 auto;
  }
  [hidden] {
    display: none !important;
  }
  .panes > :not([hidden]) ~ :not([hidden]) {
    border-top: 1px solid var(--line);
  }
  :host([fill]) .panes > .pane {
    flex: 1 1 0;
    min-height: 0;
    display: flex;
    flex-direction: column;
  }
  :host([fill]) .pane > :last-child {
    flex: 1 1 0;
    min-height: 0;
  }
  .name {
    display: block;
    padding: 2px 12px;
    color: var(--faint);
    font-size: 11px;
    letter-spacing: 0.02em;
  }
  .name.err {
    color: var(--bad);
  }
  .about {
    padding: 12px;
    color: var(--faint);
  }
  .input {
    border-top: 1px solid var(--line);
    border-bottom: 0;
  }
  .prompt {
    font: 12px/18px var(--mono);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .trouble {
    padding: 4px 12px;
    color: var(--bad);
    border-top: 1px solid var(--line);
  }
  .hits {
    max-height: 9rem;
    overflow: auto;
    border-bottom: 1px solid var(--line);
    background: var(--hit);
  }
  .hits button {
    display: block;
    width: 100%;
    text-align: left;
    border-radius: 0;
    font: 12px/18px var(--mono);
    white-space: nowrap;
    overflow: hidden;
    text-overflow: ellipsis;
    padding: 0 12px;
    min-height: 20px;
  }
  .hits button[aria-current='true'] {
    background: var(--mark);
  }
  @media (max-width: 480px) {
    .grow {
      flex-basis: 100%;
    }
    .bar {
      row-gap: 0;
    }
    .bar button {
      padding-inline: 6px;
    }
  }
`;
