import type { RunPage } from './run/run-page.ts';
import type { RunList } from './run-list.ts';
import { PRODUCERS_HREF, RUNS_HREF } from './ui/routes.ts';

/** What keys act on; each may not be there at the moment. */
export interface KeyTargets {
  readonly runs: () => RunList | null;
  readonly run: () => RunPage | null;
  readonly help: () => void;
  readonly write: () => void;
}

/** Keys that go on acting while they are held. */
const HELD = new Set(['j', 'k']);

/** Acts on a key that was pressed outside of every field (SPEC {#portal_keys}). True when it meant something. */
export function onKey(event: KeyboardEvent, { runs, run, help, write }: KeyTargets): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || isField(event.composedPath()[0])) return false;
  if (event.repeat && !HELD.has(event.key)) return false;
  const timeline = run()?.timeline;
  const inRuns = runs()?.matches(':focus-within') ?? false;
  switch (event.key) {
    case 'j':
    case 'k': {
      const by = event.key === 'j' ? 1 : -1;
      if (timeline && !inRuns) timeline.move(by);
      else runs()?.move(by);
      return true;
    }
    case 'Enter':
    case 'o':
      if (isButton(event.composedPath()[0])) return false;
      timeline?.toggle();
      return false;
    case 'a':
      timeline?.answerable()?.accept();
      return true;
    case 'r':
      timeline?.answerable()?.reject();
      return true;
    case 'm':
      timeline?.answerable()?.remember('accept');
      return true;
    case 'f':
      timeline?.answerable()?.remember('reject');
      return true;
    case 'c':
      void timeline?.command()?.cancel();
      return true;
    case 'n':
      write();
      return true;
    case '/':
      runs()?.search();
      return true;
    case 'g':
      location.hash = RUNS_HREF;
      return true;
    case 'p':
      location.hash = PRODUCERS_HREF;
      return true;
    case '?':
      help();
      return true;
    default:
      return false;
  }
}

/** True where keys are text. */
function isField(target: EventTarget | undefined): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches('input:not([type=radio]), textarea, select'));
}

function isButton(target: EventTarget | undefined): boolean {
  return target instanceof HTMLElement && target.matches('button, a');
}
