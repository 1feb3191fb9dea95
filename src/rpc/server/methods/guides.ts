import type { guideMethods } from '../../protocol/guides.ts';
import type { Handlers } from '../handler.ts';

/** Skills and personas (SPEC {#skills} {#personas}). */
export const guideHandlers: Handlers<keyof typeof guideMethods> = {
  listSkills: (_, { parts, caller }) => parts.runtime.skills.listed('skills', caller().project.root),
  getSkills: ({ run }, { parts, caller }) => parts.runtime.skills.attached(parts.runtime.requireRun(caller().sight, run)),
  'skill/add': async ({ run, name }, { parts, caller }) => {
    await parts.runtime.skills.refresh('skills', caller().project.root);
    return parts.runtime.skills.add(caller(), parts.runtime.requireRun(caller().sight, run), name);
  },
  'skill/remove': ({ run, name }, { parts, caller }) => parts.runtime.skills.remove(parts.runtime.requireRun(caller().sight, run), name),
  listPersonas: (_, { parts, caller }) => parts.runtime.skills.listed('personas', caller().project.root),
  'persona/set': async ({ run, name, text }, { parts, caller }) => {
    if (name !== undefined) await parts.runtime.skills.refresh('personas', caller().project.root);
    return parts.runtime.setPersona(caller(), run, { name, text });
  },
};
