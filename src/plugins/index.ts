import type { Plugin } from '../hooks/plugin.ts';
import { askUser } from './ask-user/index.ts';
import { env } from './env/index.ts';
import { get } from './get/index.ts';
import { log } from './log/index.ts';
import { prompt } from './prompt/index.ts';
import { set } from './set/index.ts';
import { sh } from './sh/index.ts';
import { stream } from './stream/index.ts';
import { update } from './update/index.ts';

/** The plugins that are part of the program, in the order in which models see their tools. */
export const bundledPlugins: readonly Plugin[] = [prompt, log, stream, env, sh, get, set, askUser, update];
