import { css } from 'lit';

/** What every element of the portal shares; colours are variables of the page. */
export const shared = css`
  :host {
    box-sizing: border-box;
  }
  *,
  *::before,
  *::after {
    box-sizing: inherit;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  ol,
  dl,
  dd,
  pre {
    margin: 0;
    padding: 0;
  }
  ul,
  ol {
    list-style: none;
  }
  a {
    color: inherit;
    text-decoration: none;
  }
  code,
  pre,
  .mono {
    font-family: var(--mono);
    font-size: 0.92em;
  }
  .dim {
    color: var(--dim);
  }
  .ellipsis {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    min-width: 0;
  }
  .hidden-text {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  :focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: 1px;
  }
  button,
  select,
  input,
  textarea {
    font: inherit;
    color: inherit;
  }
  button {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    min-height: 28px;
    padding: 3px 10px;
    border: 1px solid var(--line-strong);
    border-radius: 6px;
    background: var(--surface);
    cursor: pointer;
    white-space: nowrap;
  }
  button:hover {
    background: var(--hover);
  }
  button:disabled {
    opacity: 0.55;
    cursor: default;
  }
  button.primary {
    border-color: var(--accent);
    background: var(--accent);
    color: var(--on-accent);
  }
  button.primary:hover {
    background: var(--accent-strong);
  }
  button.quiet {
    border-color: transparent;
    background: transparent;
    color: var(--dim);
  }
  button.quiet:hover {
    background: var(--hover);
    color: var(--text);
  }
  button.danger {
    color: var(--red);
  }
  button kbd {
    padding: 0 4px;
    border: 1px solid currentcolor;
    border-radius: 4px;
    font: 11px/15px var(--mono);
    opacity: 0.6;
  }
  input,
  select,
  textarea {
    border: 1px solid var(--line-strong);
    border-radius: 6px;
    background: var(--surface);
    padding: 4px 8px;
    min-height: 28px;
  }
  input::placeholder,
  textarea::placeholder {
    color: var(--dim);
    opacity: 0.85;
  }
  @media (max-width: 720px) {
    button,
    select,
    input {
      min-height: 34px;
    }
    button kbd {
      display: none;
    }
  }
`;
