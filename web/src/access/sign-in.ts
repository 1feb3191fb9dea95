import { css, html, LitElement, nothing } from 'lit';
import { shared } from '../ui/styles.ts';
import type { Project } from './connect.ts';
import { post } from './post.ts';
import { isRefusal, troubleOf } from './refusal.ts';

/** What the element tells when it knows who comes and where to: event `chosen`. */
export interface Chosen {
  readonly token: string;
  readonly project: Project;
}

/** Asks for the token and for the project, as far as they are not known. Tells with the event `refused` of a token that the server does not take. */
class SignIn extends LitElement {
  static override properties = {
    token: { attribute: false },
    root: { attribute: false },
    problem: { attribute: false },
    choosing: { attribute: false },
    projects: { state: true },
    busy: { state: true },
  };

  declare token: string | undefined;
  /** Root folder of the project that was asked for. */
  declare root: string | undefined;
  /** What went wrong before, in words. */
  declare problem: string | undefined;
  /** True: people choose, also where there is one project only or one was asked for. */
  declare choosing: boolean;
  declare projects: readonly Project[] | undefined;
  declare busy: boolean;

  static override styles = [
    shared,
    css`
      :host {
        display: grid;
        place-items: center;
        min-height: 100dvh;
        padding: 24px 16px;
      }
      main {
        width: min(460px, 100%);
        display: grid;
        gap: 16px;
        padding: 28px;
        border: 1px solid var(--line);
        border-radius: 12px;
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      h1 {
        font-size: 20px;
      }
      form {
        display: grid;
        gap: 10px;
      }
      label {
        display: grid;
        gap: 4px;
        font-weight: 600;
      }
      .problem {
        padding: 8px 12px;
        border-radius: 6px;
        background: var(--red-soft);
        color: var(--red);
      }
      .help {
        display: grid;
        gap: 6px;
        color: var(--dim);
        font-size: 13px;
      }
      .help code {
        display: block;
        padding: 6px 10px;
        border-radius: 6px;
        background: var(--sunken);
        color: var(--text);
        overflow-x: auto;
      }
      ul {
        display: grid;
        gap: 6px;
      }
      li button {
        width: 100%;
        display: grid;
        justify-items: start;
        gap: 0;
        padding: 8px 12px;
        text-align: left;
        white-space: normal;
        overflow-wrap: anywhere;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.token !== undefined) void this.#look(this.token, this.problem);
  }

  override render() {
    return html`<main>
      <h1>Headgate</h1>
      ${this.problem === undefined ? nothing : html`<p class="problem" role="alert">${this.problem}</p>`}
      ${this.#form()}
    </main>`;
  }

  #form() {
    const { token } = this;
    if (this.busy) return html`<p role="status">Asking the server …</p>`;
    if (this.projects) return this.#projectForm(this.projects);
    return token === undefined ? this.#tokenForm() : html`<button class="primary" @click=${() => this.#look(token)}>Try again</button>`;
  }

  #tokenForm() {
    return html`<form @submit=${this.#onToken}>
        <label>
          Token
          <input name="token" type="password" autocomplete="off" spellcheck="false" required placeholder="of this server's data folder" />
        </label>
        <button class="primary">Open</button>
      </form>
      <div class="help">
        <p>This prints an address that needs no typing:</p>
        <code>headgate portal</code>
        <p>The token itself is what <span class="mono">headgate serve</span> shows, in the file <span class="mono">token</span> of its data folder.</p>
      </div>`;
  }

  #projectForm(projects: readonly Project[]) {
    return html`${projects.length === 0 ? nothing : html`<p>Which project?</p>`}
      <ul>
        ${projects.map(
          (project) => html`<li>
            <button @click=${() => this.#choose(project)}>
              <strong>${project.name}</strong><span class="mono dim">${project.projectRoot}</span>
            </button>
          </li>`,
        )}
      </ul>
      <form @submit=${this.#onFolder}>
        <label>
          ${projects.length === 0 ? 'Folder of the project' : 'Another folder'}
          <input name="root" required pattern="/.*" spellcheck="false" placeholder="/path/on/the/server" title="A whole path, from /" />
        </label>
        <button>Open this folder</button>
      </form>`;
  }

  readonly #onToken = (event: SubmitEvent) => {
    event.preventDefault();
    const token = new FormData(event.target as HTMLFormElement).get('token');
    if (typeof token === 'string' && token.trim() !== '') void this.#look(token.trim());
  };

  readonly #onFolder = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement).get('root');
    if (typeof given === 'string') this.#choose(projectAt(given));
  };

  /** Tries the token, and learns which projects there are. `problem` is what went wrong before, and goes on being shown. */
  async #look(token: string, problem?: string): Promise<void> {
    this.busy = true;
    this.problem = problem;
    this.token = token;
    try {
      const projects = await post(token, 'getProjects', {});
      const known = this.choosing ? undefined : this.#known(projects);
      if (known) this.#choose(known);
      else this.projects = projects;
    } catch (error) {
      this.problem = troubleOf(error);
      if (isRefusal(error)) {
        this.token = undefined;
        this.dispatchEvent(new CustomEvent('refused'));
      }
    }
    this.busy = false;
  }

  /** The project that was asked for, else the only one. */
  #known(projects: readonly Project[]): Project | undefined {
    if (this.root !== undefined) return projects.find(({ projectRoot }) => projectRoot === this.root) ?? projectAt(this.root);
    return projects.length === 1 ? projects[0] : undefined;
  }

  #choose(project: Project): void {
    if (this.token === undefined) return;
    this.dispatchEvent(new CustomEvent<Chosen>('chosen', { detail: { token: this.token, project } }));
  }
}

/** A project that is opened for the first time is called by its folder's name, as on the command line. */
function projectAt(root: string): Project {
  const projectRoot = root.length > 1 ? root.replace(/\/+$/, '') : root;
  return { name: (projectRoot.split('/').at(-1) || 'root').slice(0, 128), projectRoot };
}

customElements.define('headgate-sign-in', SignIn);
