import { css, unsafeCSS } from 'lit';
import { DARK, LIGHT } from './palette.ts';

const ansi = LIGHT.map((light, index) => `--ansi-${index}: light-dark(${light}, ${DARK[index]});`).join('');

/** Colours that output is shown in: those of the page, and the 16 of a terminal. */
export const outputColours = css`
  :host {
    ${unsafeCSS(ansi)}
    --ground: var(--sunken);
    --ink: var(--text);
    --faint: var(--dim);
    --mark: light-dark(#ffe58a, #6b5300);
    --hit: var(--amber-soft);
    --chosen: var(--accent-soft);
    --bad: var(--red);
    --warn: var(--amber);
    --good: var(--green);
  }
`;

/** The look of lines. */
export const logStyle = css`
  :host {
    display: block;
    position: relative;
    background: var(--ground);
    color: var(--ink);
    font: 12px/18px var(--mono);
    min-height: 18px;
  }
  .view {
    overflow: auto;
    overflow-anchor: none;
    max-height: var(--output-height, 26rem);
    contain: content;
    outline-offset: -2px;
  }
  .view:focus-visible {
    outline: 2px solid var(--accent);
  }
  :host([fill]) {
    height: 100%;
  }
  :host([fill]) .view {
    max-height: none;
    height: 100%;
  }
  .space {
    min-width: 100%;
    width: max-content;
  }
  :host([wrap]) .space {
    width: auto;
  }
  .window {
    position: sticky;
    top: 0;
    overflow-y: clip;
  }
  .row {
    display: flex;
    min-height: 18px;
    content-visibility: visible;
  }
  .number {
    all: unset;
    position: sticky;
    left: 0;
    flex: none;
    box-sizing: border-box;
    width: calc(var(--digits, 3) * 1ch + 1.75ch);
    padding-right: 1ch;
    margin-right: 0.75ch;
    text-align: right;
    color: var(--faint);
    background: var(--ground);
    border-right: 1px solid var(--line);
    user-select: none;
    cursor: pointer;
  }
  .number:hover {
    color: var(--accent);
  }
  .text {
    white-space: pre;
    tab-size: 8;
    padding-right: 1ch;
    unicode-bidi: isolate;
  }
  :host([wrap]) .text {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    min-width: 0;
  }
  .pending .text {
    color: var(--faint);
  }
  .hit {
    background: var(--hit);
  }
  .current,
  .current .number {
    background: var(--mark);
  }
  .selected,
  .selected .number {
    background: var(--chosen);
  }
  mark {
    background: var(--mark);
    color: inherit;
    outline: 1px solid var(--warn);
  }
  .bold {
    font-weight: 700;
  }
  .dim {
    opacity: 0.85;
  }
  .italic {
    font-style: italic;
  }
  .underline {
    text-decoration: underline;
  }
  .strike {
    text-decoration: line-through;
  }
  .escaped {
    color: var(--faint);
    font-size: 0.92em;
  }
  .more,
  .pill {
    font: inherit;
    color: var(--accent);
    background: var(--ground);
    border: 1px solid var(--line);
    border-radius: 4px;
    padding: 0 0.75ch;
    cursor: pointer;
  }
  .pill {
    position: absolute;
    right: 20px;
    bottom: 16px;
    padding: 3px 1.25ch;
    border-radius: 99px;
    border-color: var(--accent);
    box-shadow: 0 1px 6px rgb(0 0 0 / 25%);
  }
  .pill:focus-visible,
  .more:focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 1px;
  }
  .note {
    padding: 6px 1.5ch;
    color: var(--faint);
    font: 12px/18px system-ui, sans-serif;
  }
  .failure {
    color: var(--bad);
  }
  @media (max-width: 480px) {
    :host {
      font-size: 11px;
    }
  }
`;
