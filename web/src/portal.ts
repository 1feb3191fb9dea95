import { html, LitElement, nothing } from 'lit';
import { connect } from './access/connect.ts';
import { keepProject, keepToken, takeKeys } from './access/keys.ts';
import { isRefusal, troubleOf } from './access/refusal.ts';
import type { Chosen } from './access/sign-in.ts';
import type { Help } from './help.ts';
import { onKey } from './keyboard.ts';
import './needs-list.ts';
import { portalStyles } from './portal-styles.ts';
import type { Composer } from './run/composer.ts';
import type { RunPage } from './run/run-page.ts';
import type { RunList } from './run-list.ts';
import { Watching } from './state/observable.ts';
import { ProjectState } from './state/project-state.ts';
import { PRODUCERS_HREF, type Route, RUNS_HREF, routeOf, runHref } from './ui/routes.ts';
import { shared } from './ui/styles.ts';

/** The page: who comes, which project, and where in it one is. */
class Portal extends LitElement {
  static override properties = {
    route: { state: true },
    token: { state: true },
    root: { state: true },
    project: { state: true },
    problem: { state: true },
    connecting: { state: true },
    choosing: { state: true },
  };

  declare route: Route;
  declare token: string | undefined;
  declare root: string | undefined;
  declare project: ProjectState | undefined;
  declare problem: string | undefined;
  declare connecting: boolean;
  /** True when the user wants another project. */
  declare choosing: boolean;

  static override styles = [shared, portalStyles];

  constructor() {
    super();
    const { token, project } = takeKeys();
    this.token = token;
    this.root = project;
    this.route = routeOf(location.hash);
    new Watching(this, () => this.project);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('hashchange', this.#onHash);
    addEventListener('keydown', this.#onKeyDown);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('hashchange', this.#onHash);
    removeEventListener('keydown', this.#onKeyDown);
  }

  override render() {
    const { project, route } = this;
    if (this.connecting) return html`<p class="connecting" role="status">Connecting …</p>`;
    if (!project) {
      return html`<headgate-sign-in
        .token=${this.token}
        .root=${this.root}
        .problem=${this.problem}
        .choosing=${this.choosing}
        @chosen=${(event: CustomEvent<Chosen>) => void this.#enter(event.detail)}
        @refused=${() => this.#forgetToken()}
      ></headgate-sign-in>`;
    }
    const waiting = project.waiting();
    return html`${this.#banner(project)}
      <div class="frame" data-page=${route.page}>
        <nav aria-label="Runs">
          <div class="head">
            <a class="brand" href=${RUNS_HREF} title="All runs">Headgate</a>
            <button class="quiet project" title="Open another project" @click=${() => this.#leave()}><span class="ellipsis">${project.name}</span></button>
          </div>
          <a class="new" href=${RUNS_HREF} aria-current=${route.page === 'runs' ? 'page' : nothing}>New run</a>
          <headgate-run-list .project=${project} .current=${route.page === 'run' ? route.run : undefined}></headgate-run-list>
          <div class="foot">
            <a href=${PRODUCERS_HREF} aria-current=${route.page === 'producers' ? 'page' : nothing}
              >Running commands <span class="number">${project.producers.length}</span></a
            >
            <button class="quiet" aria-label="Keys" aria-keyshortcuts="?" @click=${() => this.#help()}>?</button>
          </div>
        </nav>
        <main @sent=${(event: CustomEvent<string>) => this.#sent(event.detail)}>${this.#page(project)}</main>
      </div>
      <headgate-help></headgate-help>
      <p class="hidden-text" role="status">${waiting === 0 ? '' : `${waiting} waiting for an answer`}</p>`;
  }

  override updated(): void {
    const { project, route } = this;
    const waiting = project?.waiting() ?? 0;
    const place = route.page === 'run' ? route.run : route.page === 'producers' ? 'Running commands' : undefined;
    const words = [place, project?.name, 'Headgate'].filter((word) => word !== undefined);
    document.title = `${waiting === 0 ? '' : `(${waiting}) `}${words.join(' · ')}`;
  }

  #page(project: ProjectState) {
    const { route } = this;
    switch (route.page) {
      case 'run':
        return html`<headgate-run .project=${project} .state=${project.open(route.run)} .path=${route.path}></headgate-run>`;
      case 'producers':
        return html`<headgate-producers .project=${project}></headgate-producers>`;
      case 'runs':
        return html`<section class="start">
          <headgate-needs .token=${this.token ?? ''} .project=${project}></headgate-needs>
          <h2>What shall the agent do?</h2>
          <p class="dim">In <span class="mono">${this.root}</span>. It asks before every command that is not allowed by a rule.</p>
          <headgate-composer .project=${project}></headgate-composer>
        </section>`;
    }
  }

  #banner({ lost, final }: ProjectState) {
    if (lost === undefined) return nothing;
    const why = lost === '' ? '' : ` (${lost})`;
    return final
      ? html`<p class="banner final" role="alert">The connection to the server has ended${why}. <button @click=${() => location.reload()}>Connect again</button></p>`
      : html`<p class="banner" role="status">The server cannot be reached${why}. Trying again; commands go on.</p>`;
  }

  async #enter({ token, project }: Chosen): Promise<void> {
    keepToken(token);
    this.token = token;
    this.connecting = true;
    try {
      this.project = new ProjectState(await connect(token, project), project.name, (from, to) => this.#renamed(from, to));
      keepProject(project.projectRoot);
      this.root = project.projectRoot;
      this.problem = undefined;
    } catch (error) {
      this.problem = troubleOf(error);
      if (isRefusal(error)) this.#forgetToken();
      else this.choosing = true;
    }
    this.connecting = false;
  }

  #forgetToken(): void {
    keepToken(undefined);
    this.token = undefined;
  }

  /** Lets the project go; the token stays. */
  #leave(): void {
    void this.project?.close();
    this.project = undefined;
    this.root = undefined;
    this.choosing = true;
    keepProject(undefined);
    location.hash = RUNS_HREF;
  }

  #sent(run: string): void {
    this.project?.refreshRuns();
    if (this.route.page !== 'run' || this.route.run !== run) location.hash = runHref(run);
  }

  /** The run that is shown goes on under its new name. */
  #renamed(from: string, to: string): void {
    if (this.route.page === 'run' && this.route.run === from) location.replace(runHref(to, this.route.path));
  }

  #help(): void {
    this.renderRoot.querySelector<Help>('headgate-help')?.show();
  }

  #write(): void {
    const run = this.renderRoot.querySelector<RunPage>('headgate-run');
    if (run) run.write();
    else this.renderRoot.querySelector<Composer>('headgate-composer')?.focus();
  }

  readonly #onHash = () => {
    const given = takeKeys();
    if ((given.token !== undefined && given.token !== this.token) || given.project !== this.root) location.reload();
    this.route = routeOf(location.hash);
  };

  readonly #onKeyDown = (event: KeyboardEvent) => {
    const meant = onKey(event, {
      runs: () => this.renderRoot.querySelector<RunList>('headgate-run-list'),
      run: () => this.renderRoot.querySelector<RunPage>('headgate-run'),
      help: () => this.#help(),
      write: () => this.#write(),
    });
    if (meant) event.preventDefault();
  };
}

customElements.define('headgate-portal', Portal);
