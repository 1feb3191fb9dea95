import { css } from 'lit';

export const timelineStyles = css`
  :host {
    display: block;
    overflow-y: auto;
    overflow-anchor: none;
    scrollbar-gutter: stable;
    scrollbar-width: thin;
  }
  .column {
    max-width: 980px;
    margin: 0 auto;
    padding: 12px 20px 20px;
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 8px;
  }
  .feed {
    display: contents;
  }
  .empty {
    padding: 48px 20px;
    text-align: center;
    color: var(--dim);
  }
  .more {
    justify-self: center;
    margin: 4px 0;
  }
  .turn {
    display: flex;
    align-items: center;
    gap: 10px;
    margin-top: 8px;
    font-size: 11.5px;
    color: var(--dim);
  }
  .turn::after {
    content: '';
    flex: 1;
    border-top: 1px solid var(--line);
  }
  .item {
    border-radius: 8px;
    scroll-margin: 24px;
  }
  .item:focus {
    outline: 2px solid var(--focus);
    outline-offset: 2px;
  }
  .item.said,
  .item.prompt {
    overflow-wrap: anywhere;
  }
  .prompt {
    font-size: 14.5px;
  }
  .item .prompt {
    padding: 9px 14px;
    border-radius: 8px;
    background: var(--accent-soft);
  }
  .words {
    white-space: pre-wrap;
  }
  .words code {
    padding: 1px 4px;
    border-radius: 4px;
    background: var(--hover);
  }
  pre.code {
    margin: 6px 0;
    padding: 8px 12px;
    overflow-x: auto;
    border: 1px solid var(--line);
    border-radius: 6px;
    background: var(--sunken);
  }
  .trouble {
    padding: 9px 14px;
    border-radius: 8px;
    background: var(--red-soft);
    color: var(--red);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .answer {
    padding: 2px 4px 0 20px;
    font-size: 12px;
    color: var(--dim);
    overflow-wrap: anywhere;
  }
  .answer span {
    color: var(--text);
  }
  .end {
    display: flex;
    align-items: center;
    gap: 10px;
    font-size: 12.5px;
    color: var(--dim);
  }
  .end.good {
    color: var(--green);
  }
  .end.bad {
    color: var(--red);
  }
  .end.live {
    color: var(--accent);
  }
  @media (max-width: 720px) {
    .column {
      padding: 10px 12px 16px;
    }
  }
`;
