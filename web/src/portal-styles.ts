import { css } from 'lit';

export const portalStyles = css`
  :host {
    display: grid;
    grid-template-rows: auto minmax(0, 1fr);
    height: 100dvh;
  }
  headgate-sign-in,
  .connecting,
  .frame {
    grid-row: 2;
  }
  .connecting {
    place-self: center;
    color: var(--dim);
  }
  .banner {
    grid-row: 1;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 10px;
    padding: 6px 16px;
    background: var(--amber-soft);
    color: var(--amber);
  }
  .banner.final {
    background: var(--red-soft);
    color: var(--red);
  }
  .frame {
    display: grid;
    grid-template-columns: 272px minmax(0, 1fr);
    min-height: 0;
  }
  nav {
    display: grid;
    grid-template-rows: auto auto minmax(0, 1fr) auto;
    min-height: 0;
    border-right: 1px solid var(--line);
    background: var(--surface);
  }
  .head {
    display: flex;
    align-items: center;
    gap: 4px;
    min-height: 49px;
    padding: 0 8px 0 16px;
    border-bottom: 1px solid var(--line);
  }
  .brand {
    font-weight: 700;
    letter-spacing: -0.01em;
    color: var(--accent);
  }
  .project {
    min-width: 0;
    margin-left: auto;
  }
  .new {
    margin: 10px 12px 0;
    padding: 5px 10px;
    border: 1px solid var(--line-strong);
    border-radius: 6px;
    text-align: center;
  }
  .new:hover,
  .foot a:hover {
    background: var(--hover);
  }
  .new[aria-current],
  .foot a[aria-current] {
    background: var(--accent-soft);
    color: var(--accent);
  }
  .foot {
    display: flex;
    gap: 4px;
    padding: 8px;
    border-top: 1px solid var(--line);
  }
  .foot a {
    flex: 1;
    display: flex;
    justify-content: space-between;
    padding: 4px 8px;
    border-radius: 6px;
  }
  .number {
    color: var(--dim);
  }
  main {
    display: grid;
    grid-template: minmax(0, 1fr) / minmax(0, 1fr);
    min-height: 0;
  }
  .start {
    align-self: center;
    justify-self: center;
    width: min(680px, 100%);
    padding: 20px;
    display: grid;
    gap: 12px;
  }
  .start h2 {
    margin-top: 12px;
    font-size: 16px;
  }
  .start p {
    overflow-wrap: anywhere;
  }
  @media (max-width: 720px) {
    .frame {
      grid-template-columns: minmax(0, 1fr);
    }
    .frame[data-page='run'] nav,
    .frame[data-page='producers'] nav {
      display: none;
    }
    .frame[data-page='runs'] {
      grid-template-rows: minmax(0, 1fr) auto;
    }
    .frame[data-page='runs'] .new {
      display: none;
    }
    nav {
      grid-template-rows: auto minmax(0, 1fr) auto;
      border-right: 0;
    }
    .start {
      padding: 10px;
      border-top: 1px solid var(--line);
    }
    .start h2,
    .start p {
      display: none;
    }
  }
`;
