import type { Plugin } from '../hooks/plugin.ts';
import { askUser } from './ask-user/index.ts';
import { cancel } from './cancel/index.ts';
import { cp } from './cp/index.ts';
import { env } from './env/index.ts';
import { fetch } from './fetch/index.ts';
import { files } from './files/index.ts';
import { get } from './get/index.ts';
import { input } from './input/index.ts';
import { known } from './known/index.ts';
import { log } from './log/index.ts';
import { mv } from './mv/index.ts';
import { prompt } from './prompt/index.ts';
import { rm } from './rm/index.ts';
import { search } from './search/index.ts';
import { set } from './set/index.ts';
import { sh } from './sh/index.ts';
import { signal } from './signal/index.ts';
import { skill } from './skill/index.ts';
import { stream } from './stream/index.ts';
import { tail } from './tail/index.ts';
import { think } from './think/index.ts';
import { unknown } from './unknown/index.ts';
import { update } from './update/index.ts';
import { wait } from './wait/index.ts';
import { watch } from './watch/index.ts';

export { mcp } from './mcp/index.ts';
export { webSearch } from './web-search/index.ts';

/** The plugins that are part of the program, in the order in which models see their tools. */
export const bundledPlugins: readonly Plugin[] = [
  prompt,
  log,
  stream,
  files,
  env,
  sh,
  wait,
  input,
  signal,
  cancel,
  get,
  set,
  rm,
  mv,
  cp,
  search,
  fetch,
  tail,
  watch,
  known,
  unknown,
  think,
  askUser,
  update,
  skill,
];
